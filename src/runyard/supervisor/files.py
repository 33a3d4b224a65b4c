"""Files of this host. Whatever reads or writes a file may take long: see `aside`."""

from __future__ import annotations

import errno
import os
import stat as modes

from .incoming import Incoming, target
from .refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PART = 4 << 20


def put(data: bytes, dest: str, mode: int | None, owner: str | None) -> dict[str, Any]:
    """Write `data` to `dest` atomically unless it is as asked: {changed, sha256, size}.

    An existing file keeps its mode and owner where none is asked for. Raises OSError, LookupError
    for an unknown owner.
    """
    import hashlib

    digest = hashlib.sha256(data).hexdigest()
    done = same(dest, len(data), digest, mode, owner)
    if done is not None:
        return done
    ids = owner_ids(owner)
    incoming = Incoming(dest)
    try:
        incoming.write(data)
        return incoming.finish(len(data), digest, mode, ids)
    finally:
        incoming.abandon()


def there(dest: str) -> int:
    """Size of the regular file that a put to `dest` would replace, or -1. Raises OSError."""
    try:
        found = os.stat(target(dest))
    except (FileNotFoundError, NotADirectoryError):
        return -1
    return found.st_size if modes.S_ISREG(found.st_mode) else -1


def same(
    dest: str, size: int, sha256: str, mode: int | None, owner: str | None
) -> dict[str, Any] | None:
    """Give `dest` mode and owner if its content is that already, as of `put`; None if it is not."""
    ids = owner_ids(owner)
    if there(dest) != size:
        return None
    dest = target(dest)
    if digest_of(dest) != sha256:
        return None
    changed = False
    current = os.stat(dest)
    if ids is not None and not (ids[0] in (-1, current.st_uid) and ids[1] in (-1, current.st_gid)):
        os.chown(dest, ids[0], ids[1])
        changed, current = True, os.stat(dest)  # a new owner takes the set-id bits away
    if mode is not None and modes.S_IMODE(current.st_mode) != mode:
        os.chmod(dest, mode)
        changed = True
    return {"changed": changed, "sha256": sha256, "size": size}


def read(path: str, offset: int, length: int) -> tuple[dict[str, Any], bytes]:
    """{size, seen} and at most `length` bytes of a regular file from `offset`.

    As long as the file is not written to `seen` is the same. Raises OSError, Refusal CHANGED when
    it was written to just now.
    """
    fd = _open(path)
    try:
        before = _seen(fd)
        parts = []
        while length > 0:
            part = os.pread(fd, min(length, PART), offset)
            if not part:
                break
            parts.append(part)
            offset, length = offset + len(part), length - len(part)
        after = _seen(fd)
    finally:
        os.close(fd)
    if before != after:
        raise Refusal("CHANGED", "%s changed while it was read" % path)
    return after, b"".join(parts)


def stat(path: str, digest: bool = False) -> dict[str, Any] | None:
    """{kind, size, mode, owner, mtime, sha256} of what is at `path`, links not followed."""
    path = os.path.expanduser(path)
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    kind = "other"
    for name, test in (("file", modes.S_ISREG), ("dir", modes.S_ISDIR), ("link", modes.S_ISLNK)):
        if test(found.st_mode):
            kind = name
    return {
        "kind": kind,
        "size": found.st_size,
        "mode": modes.S_IMODE(found.st_mode),
        "owner": user_of(found.st_uid),
        "mtime": found.st_mtime,
        "sha256": digest_of(path) if digest and kind == "file" else "",
    }


def digest_of(path: str) -> str:
    """SHA-256 in hex of a regular file. Raises OSError."""
    import hashlib

    digest = hashlib.sha256()
    fd = _open(path)
    try:
        while True:
            part = os.read(fd, 1 << 20)
            if not part:
                return digest.hexdigest()
            digest.update(part)
    finally:
        os.close(fd)


def owner_ids(owner: str | None) -> tuple[int, int] | None:
    """(uid, gid) of `user`, `user:group` or numbers; -1 keeps the group. Raises LookupError."""
    if not owner:
        return None
    import grp
    import pwd

    user, _, group = owner.partition(":")
    try:
        uid = int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid if user else -1
        gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid if group else -1
    except KeyError as error:
        raise LookupError("no such user or group: %s" % owner) from error
    return uid, gid


def _open(path: str) -> int:
    """A descriptor of the regular file at `path`; it never waits, as for a peer of a pipe."""
    path = os.path.expanduser(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    found = os.fstat(fd)
    if modes.S_ISREG(found.st_mode):
        return fd
    os.close(fd)
    if modes.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory", path)
    raise OSError(errno.EINVAL, "not a regular file", path)


def _seen(fd: int) -> dict[str, Any]:
    found = os.fstat(fd)
    seen = "%d-%d-%d" % (found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
    return {"size": found.st_size, "seen": seen}


def user_of(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
