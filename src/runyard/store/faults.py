"""What SQLite and the file system say, as errors of ours."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from runyard.model.errors import StoreError

_DENIED = (
    "you may not write there (is HOME right?); set RUNYARD_STATE to a directory that you may write"
)
_HINTS = {
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: "the file system is read-only; set RUNYARD_STATE to a directory you can write",
    errno.ENOSPC: "free some space, or set RUNYARD_STATE to a directory on another disk",
    errno.EDQUOT: "the disk quota is used up; free some space or set RUNYARD_STATE",
    errno.ENOTDIR: "a part of the path is a file; set RUNYARD_STATE to a directory",
    errno.ELOOP: "the path is a loop of links; set RUNYARD_STATE to a directory",
}


def is_full(error: Exception, folder: Path) -> bool:
    """True when `error` comes from a disk with no room left."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    import sqlite3  # a megabyte, for those who use no database

    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_FULL:
        return True
    # The shared-memory file cannot grow: SQLite calls that an I/O error and keeps no errno.
    if code & 0xFF == sqlite3.SQLITE_IOERR and str(folder) != ".":
        try:
            space = os.statvfs(folder)
        except OSError:
            return False
        return space.f_bavail * space.f_frsize < 1 << 17
    return False


def store_error(error: Exception, path: Path) -> StoreError:
    """The StoreError for a failure of SQLite or of the file system at `path`."""
    if is_full(error, path.parent):
        return StoreError(f"no space left for {path}", code="DISK_FULL", hint=_HINTS[errno.ENOSPC])
    if isinstance(error, OSError):
        return StoreError(
            f"cannot use {path}: {error.strerror or error}", hint=_HINTS.get(error.errno or 0, "")
        )
    import sqlite3

    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            f"{path} was locked by another process for too long",
            code="STORE_BUSY",
            hint="try again; `fuser` on the file tells which process holds it",
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(
            f"{path} is not a sound database: {error}",
            code="STORE_DAMAGED",
            hint="move the file away to start anew; what ran is then forgotten",
            retryable=False,
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreError(f"cannot write {path}: {error}", hint=_HINTS[errno.EACCES])
    return StoreError(f"{path}: {error}")
