"""Finds the supervisor of an owner on this machine, or starts it."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import runyard.supervisor
from runyard.model.errors import SystemFault

_PASSED = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TERM"}
_PASSED |= {"XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "RUNYARD_ATTEMPT"}
_BACKLOG = 128


def base_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What of our environment the work may see: an allow-list, LC_*, and `more`."""
    kept = {k: v for k, v in os.environ.items() if k in _PASSED or k.startswith("LC_")}
    kept.update(more or {})
    return kept


def socket_directory() -> Path:
    """`$XDG_RUNTIME_DIR/runyard` or `/tmp/runyard-UID`: ours alone. Raises SystemFault."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    uid = os.geteuid()
    if runtime and os.path.isabs(runtime) and os.path.isdir(runtime):
        directory = Path(runtime) / "runyard"
    else:
        directory = Path("/tmp") / f"runyard-{uid}"  # noqa: S108 - ownership is checked below
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise SystemFault(f"cannot make {directory}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
        raise SystemFault(
            f"{directory} is not a directory of our own with mode 0700",
            code="SOCKET_DIR",
            hint=f"remove it, or set XDG_RUNTIME_DIR; it must belong to user id {uid}",
        )
    return directory


def socket_path(home: Path, owner: str) -> Path:
    """Where the supervisor of `owner` with state directory `home` listens."""
    key = hashlib.sha256(f"{home.resolve()}\0{owner}".encode()).hexdigest()[:16]
    return socket_directory() / f"{key}.sock"


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


def start(path: Path, owner: str, environment: Mapping[str, str]) -> tuple[socket.socket, int]:
    """Start a supervisor that listens at `path`; a connection to it, and the pid to wait for.

    That pid ends at once: the supervisor detaches. Raises SystemFault.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    temporary = f"{path}.{os.getpid()}"
    try:
        listener.bind(temporary)
        os.chmod(temporary, 0o600)
        listener.listen(_BACKLOG)
        os.rename(temporary, path)
        fd = listener.fileno()
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", program(), str(path), owner],
            dict(environment),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, fd, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )
    except OSError as error:
        raise SystemFault(f"cannot start a supervisor: {error}") from error
    finally:
        listener.close()
    sock = reach(path)
    if sock is None:
        raise SystemFault("the supervisor ended at once")
    return sock, pid


def program() -> str:
    """The folder that a Python runs as the supervisor."""
    return str(Path(runyard.supervisor.__file__).parent)
