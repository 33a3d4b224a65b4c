"""Files of the machine that dispatches: read whole, written atomically. Blocking: use a thread."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from runyard.model.errors import ArgumentError, NotFoundError, SystemFault

LARGEST = 1 << 30


def read_local(path: Path) -> bytes:
    """The bytes of `path`.

    Raises:
        NotFoundError: it does not exist. ArgumentError: a directory, or over 1 GiB.
        SystemFault: it cannot be read.
    """
    try:
        if path.is_dir():
            raise ArgumentError(f"{path} is a directory", hint="name a file")
        if path.stat().st_size > LARGEST:
            raise ArgumentError(f"{path} is larger than 1 GiB")
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(
            f"no such file: {path}",
            hint="a relative path starts at the directory of the workflow file",
        ) from None
    except OSError as error:
        raise SystemFault(f"cannot read {path}: {error.strerror}", retryable=False) from error


def digest_local(path: Path) -> str:
    """SHA-256 of a regular file in hex, or "" when there is none to read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def write_local(
    path: Path, data: bytes, *, mode: int | None = None, owner: str | None = None
) -> None:
    """Replace `path` by `data` atomically; missing directories are made.

    Raises:
        SystemFault: it cannot be written, or given to `owner` (`user` or `user:group`).
    """
    partial = path.with_name(f".{path.name[:200]}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        set_local(partial, mode=mode, owner=owner)
        partial.replace(path)
    except OSError as error:
        raise SystemFault(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


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
