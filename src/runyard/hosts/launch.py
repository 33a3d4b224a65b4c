"""Finds the supervisor of an owner on this machine, or starts it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import runyard.supervisor
from runyard.model.errors import SystemFault

_PASSED = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TERM"}
_PASSED |= {"XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "RUNYARD_ATTEMPT"}
_BACKLOG = 128
_CLEANED = 20
_LONGEST = 100  # the address of a socket has room for 107 bytes, for 103 on macOS


def base_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What of our environment the work may see: an allow-list, LC_*, and `more`."""
    kept = {k: v for k, v in os.environ.items() if k in _PASSED or k.startswith("LC_")}
    kept.update(more or {})
    return kept


def socket_path(home: Path, owner: str) -> Path:
    """Where the supervisor of `owner` with state directory `home` listens.

    In `home/sockets` when that fits into the address of a socket, else in `/tmp/runyard-UID`;
    nothing in our environment decides, so that whoever comes later looks at the same place.
    Raises SystemFault, `SOCKET_DIR` when the directory is not ours alone.
    """
    root = home.resolve()
    key = hashlib.sha256(os.fsencode(root) + b"\0" + os.fsencode(owner)).hexdigest()[:16]
    path = root / "sockets" / f"{key}.sock"
    if len(os.fsencode(path)) > _LONGEST:
        path = Path("/tmp") / f"runyard-{os.geteuid()}" / path.name  # noqa: S108 - checked below
    _make_own(path.parent)
    return path


def _make_own(directory: Path) -> None:
    """Make `directory`, mode 0700, or see that it is a directory of ours that has it."""
    try:
        if not directory.parent.is_dir():
            os.makedirs(directory.parent, mode=0o700, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise SystemFault(f"cannot make {directory}: {error.strerror}") from error
    uid = os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
        raise SystemFault(
            f"{directory} is not a directory of our own with mode 0700",
            code="SOCKET_DIR",
            hint=f"remove it, for it must belong to user id {uid}; "
            "with a short RUNYARD_STATE sockets are in the state directory alone",
        )


def reach(path: Path) -> socket.socket | None:
    """A connection to who listens at `path`, or None when nobody does."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        sock.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        return None
    except OSError as error:
        sock.close()
        raise SystemFault(f"cannot connect to {path}: {error.strerror}") from error
    return sock


def join(path: Path, owner: str, environment: Mapping[str, str]) -> tuple[socket.socket, int]:
    """A connection to who listens at `path`; a supervisor is started when nobody does.

    Also the pid to wait for, or 0; it ends at once, as the supervisor detaches. Callers at the
    same time get the same supervisor. Raises SystemFault.
    """
    sock = reach(path)
    if sock is not None:
        return sock, 0
    lock = os.open(path.parent / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sock = reach(path)
        if sock is not None:
            return sock, 0
        _clean(path.parent)
        pid = _start(path, owner, environment)
    finally:
        os.close(lock)
    sock = reach(path)
    if sock is None:
        raise SystemFault("the supervisor ended at once")
    return sock, pid


def _start(path: Path, owner: str, environment: Mapping[str, str]) -> int:
    """Listen at `path` and start a supervisor that has inherited the socket; its first pid."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    temporary = str(path.with_suffix(".new"))
    try:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        listener.bind(temporary)
        os.chmod(temporary, 0o600)
        listener.listen(_BACKLOG)
        os.rename(temporary, path)
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", program(), str(path), owner],
            dict(environment),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, listener.fileno(), 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )
    except OSError as error:
        raise SystemFault(f"cannot start a supervisor: {error}") from error
    finally:
        listener.close()


def _clean(directory: Path) -> None:
    """Remove some of the sockets that killed supervisors have left behind."""
    for _, path in zip(range(_CLEANED), directory.glob("*.sock"), strict=False):
        with suppress(OSError, SystemFault):
            sock = reach(path)
            if sock is None:
                path.unlink()
            else:
                sock.close()


def program() -> str:
    """The folder that a Python runs as the supervisor."""
    return str(Path(runyard.supervisor.__file__).parent)
