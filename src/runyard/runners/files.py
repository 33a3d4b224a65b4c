"""Files of the machine that dispatches, written atomically. Blocking: use a thread."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from runyard.model.errors import ArgumentError, NotFoundError, SystemFault

LARGEST = 1 << 30


def read_local(path: Path) -> bytes:
    """The bytes of `path`.

    Raises:
        NotFoundError: it does not exist. ArgumentError: a directory, or over 1 GiB.
        SystemFault: it cannot be read.
    """
    if check_local(path) > LARGEST:
        raise ArgumentError(f"{path} is larger than 1 GiB")
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def check_local(path: Path) -> int:
    """The size of the file at `path`. Raises as `read_local`."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise NotFoundError(
            f"no such file: {path}",
            hint="a relative path starts at the directory of the workflow file",
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(found.st_mode):
        raise ArgumentError(f"{path} is a directory", hint="name a file")
    return found.st_size


def digest_local(path: Path) -> str:
    """SHA-256 of a regular file in hex, or "" when there is none to read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


class Landing:
    """A file that is written in parts, and then replaces `path` at once, or leaves it.

    Missing directories are made. Raises SystemFault.
    """

    def __init__(self, path: Path) -> None:
        self.size = 0
        self._path = path
        self._digest = hashlib.sha256()
        self._partial = path.with_name(f".{path.name[:200]}.{os.urandom(4).hex()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self._partial, "xb", buffering=0)  # noqa: SIM115 - see `abandon`
        except OSError as error:
            raise self._fault(error) from error

    @property
    def sha256(self) -> str:
        """Of what is here so far, in hex."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Add the next bytes."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as error:
            raise self._fault(error) from error
        self._digest.update(data)
        self.size += len(data)

    def finish(self, *, mode: int | None = None, owner: str | None = None) -> None:
        """Sync it, give it its rights (`user` or `user:group`), and put it in its place."""
        try:
            os.fsync(self._file.fileno())
            set_local(self._partial, mode=mode, owner=owner)
            self._partial.replace(self._path)
        except OSError as error:
            raise self._fault(error) from error

    def abandon(self) -> None:
        """Remove what is not in its place. Idempotent."""
        self._file.close()
        self._partial.unlink(missing_ok=True)

    def _fault(self, error: OSError) -> SystemFault:
        return SystemFault(f"cannot write {self._path}: {error.strerror or error}")


def _unreadable(path: Path, error: OSError) -> SystemFault:
    return SystemFault(f"cannot read {path}: {error.strerror}", retryable=False)


def set_local(path: Path, *, mode: int | None = None, owner: str | None = None) -> bool:
    """Give `path` a mode and an owner; True when something was different.

    Raises:
        SystemFault: not allowed, or no such user or group.
    """
    before = path.stat()
    if owner is not None:
        _give(path, owner)
    if mode is not None and path.stat().st_mode & 0o7777 != mode:
        path.chmod(mode)
    after = path.stat()
    return (before.st_mode, before.st_uid, before.st_gid) != (
        after.st_mode,
        after.st_uid,
        after.st_gid,
    )


def _give(path: Path, owner: str) -> None:
    from grp import getgrnam
    from pwd import getpwnam

    user, _, group = owner.partition(":")
    try:
        uid = int(user) if user.isdecimal() else getpwnam(user).pw_uid if user else -1
        gid = int(group) if group.isdecimal() else getgrnam(group).gr_gid if group else -1
        os.chown(path, uid, gid)
    except KeyError:
        raise SystemFault(f"no such user or group: {owner}", retryable=False) from None
    except OSError as error:
        raise SystemFault(
            f"cannot give {path} to {owner}: {error.strerror}",
            hint="only root may give files away",
            retryable=False,
        ) from error
