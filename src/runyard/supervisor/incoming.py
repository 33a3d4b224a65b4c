"""A file on its way to this host: a temporary one beside its place, until it is whole."""

from __future__ import annotations

import errno
import hashlib
import os
import stat as modes

from .refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Incoming:
    """Takes the content in order, then replaces what is at `dest`; or leaves it as it was.

    Raises OSError with the name of what is in the way.
    """

    def __init__(self, dest: str) -> None:
        self.dest = target(dest)
        self.have = 0
        self._digest = hashlib.sha256()
        directory = os.path.dirname(self.dest)
        self._temporary = os.path.join(directory, ".runyard-%s" % os.urandom(8).hex())
        try:
            self._fd = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            text = error.strerror
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                text = "no such directory"
            raise OSError(error.errno, text, directory) from error

    @property
    def sha256(self) -> str:
        """Of what is here so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Add the next bytes."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.dest) from error
        self._digest.update(data)
        self.have += len(data)

    def finish(
        self, size: int, sha256: str, mode: int | None, ids: tuple[int, int] | None
    ) -> dict[str, Any]:
        """Check it, give it its rights, sync it and put it in its place: {changed, sha256, size}.

        A file that is replaced gives its mode and owner where none is asked for. Raises also
        Refusal CHANGED when the content is not what it was said to be.
        """
        if self.have != size or self.sha256 != sha256:
            raise Refusal("CHANGED", "%s: it did not arrive as it was sent" % self.dest)
        old = _stat(self.dest)
        if ids is None and old is not None:
            kept = old.st_uid, old.st_gid
            ids = kept if kept != (os.geteuid(), os.getegid()) else None
        if mode is None:
            mode = modes.S_IMODE(old.st_mode) if old is not None else 0o666 & ~umask()
        try:
            if ids is not None:
                os.fchown(self._fd, ids[0], ids[1])
            os.fchmod(self._fd, mode)
            os.fsync(self._fd)
            if os.path.isdir(self.dest):
                raise IsADirectoryError(errno.EISDIR, "is a directory", self.dest)
            os.rename(self._temporary, self.dest)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.dest) from error
        os.close(self._fd)
        self._fd = -1
        _sync_directory(os.path.dirname(self.dest))
        return {"changed": True, "sha256": sha256, "size": size}

    def abandon(self) -> None:
        """Leave what was there. Idempotent; nothing to do when it is finished."""
        if self._fd < 0:
            return
        os.close(self._fd)
        self._fd = -1
        try:
            os.unlink(self._temporary)
        except OSError:
            pass


def target(dest: str) -> str:
    """Where a file for `dest` goes, links followed. Raises IsADirectoryError."""
    dest = os.path.realpath(os.path.expanduser(dest))
    if os.path.isdir(dest):
        raise IsADirectoryError(errno.EISDIR, "is a directory", dest)
    return dest


def umask() -> int:
    """The process's; it is only read where the kernel tells it, for others may create files now."""
    try:
        with open("/proc/self/status", "rb") as file:
            for line in file:
                if line.startswith(b"Umask:"):
                    return int(line.split()[1], 8)
    except OSError:
        pass
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _sync_directory(path: str) -> None:
    try:
        place = os.open(path or ".", os.O_RDONLY)
    except OSError:
        return  # one may write there and not read: then it is synced when the system likes
    try:
        os.fsync(place)
    finally:
        os.close(place)
