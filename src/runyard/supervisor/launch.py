"""Finds the supervisor of an owner on this machine, or starts it."""

from __future__ import annotations

import os
import stat
import sys

from .refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Callable, Mapping

BACKLOG = 128
CLEANED = 20
_USUAL = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TERM")
_SESSION = ("XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "RUNYARD_ATTEMPT")
NOFILE = "RUNYARD_NOFILE"
"""The soft limit of open files for the work, when whoever starts the supervisor has raised his."""

PASSED = (*_USUAL, *_SESSION, NOFILE)
LONGEST = 100  # the address of a socket has room for 107 bytes, for 103 on macOS


def base_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What of `environ` the work may see: an allow-list, and LC_*."""
    return {k: v for k, v in environ.items() if k in PASSED or k.startswith("LC_")}


def socket_path(root: str, owner: str) -> str:
    """Where the supervisor of `owner` with state directory `root` listens.

    In `root/sockets` when that fits into the address of a socket, else in `/tmp/runyard-UID`;
    nothing in our environment decides, so that whoever comes later looks at the same place.
    Raises OSError, and Refusal SOCKET_DIR when the directory is not ours alone.
    """
    root = os.path.realpath(root)
    key = sha256(os.fsencode(root) + b"\0" + os.fsencode(owner))[:16]
    path = os.path.join(root, "sockets", key + ".sock")
    if len(os.fsencode(path)) > LONGEST:
        path = os.path.join(temporary(), key + ".sock")
    make_own(os.path.dirname(path))
    return path


def temporary() -> str:
    """A directory for what does not fit into the home, or may not be there; see `make_own`."""
    return "/tmp/runyard-%d" % os.geteuid()  # noqa: S108 - checked before it is used


def reach(path: str) -> socket.socket | None:
    """A connection to who listens at `path`, or None when nobody does. Raises OSError."""
    import socket

    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        sock.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        return None
    except BaseException:
        sock.close()
        raise
    return sock


def join(path: str, begin: Callable[[socket.socket], int]) -> tuple[socket.socket, int]:
    """A connection to who listens at `path`; when nobody does, `begin` is given a listener.

    Also what `begin` returned, or 0. Callers at the same time get the same supervisor. Raises
    OSError, and Refusal NO_SUPERVISOR when it ended at once.
    """
    sock = reach(path)
    if sock is not None:
        return sock, 0
    import fcntl

    lock = os.open(os.path.join(os.path.dirname(path), "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sock = reach(path)
        if sock is not None:
            return sock, 0
        _clean(os.path.dirname(path))
        listener = _listen(path)
        try:
            pid = begin(listener)
        finally:
            listener.close()
    finally:
        os.close(lock)
    sock = reach(path)
    if sock is None:
        raise Refusal("NO_SUPERVISOR", "the supervisor ended at once")
    return sock, pid


def spawn(path: str, owner: str, root: str, environment: Mapping[str, str]) -> Callable[..., int]:
    """For `join`: start a supervisor with `environment`; its first process ends at once."""

    def begin(listener: socket.socket) -> int:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", program(), path, owner, root],
            dict(environment),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, listener.fileno(), 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )

    return begin


def program() -> str:
    """The folder that a Python runs as the supervisor."""
    return os.path.dirname(os.path.abspath(__file__))


def sha256(data: bytes) -> str:
    """In hexadecimal, without OpenSSL: loading that is a sixth of the start of a relay."""
    for name in ("_sha2", "_sha256", "hashlib"):
        try:
            return str(__import__(name).sha256(data).hexdigest())
        except ImportError:
            continue
    raise ImportError("there is no SHA-256")


def make_own(directory: str) -> None:
    """Make `directory`, mode 0700, or see that it is a directory of ours that has it.

    Raises OSError, and Refusal SOCKET_DIR when it is not.
    """
    try:
        os.makedirs(os.path.dirname(directory), mode=0o700, exist_ok=True)
        os.mkdir(directory, 0o700)
    except FileExistsError:
        pass
    found = os.lstat(directory)
    uid = os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
        raise Refusal("SOCKET_DIR", "%s is not a directory of our own with mode 0700" % directory)


def _listen(path: str) -> socket.socket:
    import socket

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    temporary = path[: -len(".sock")] + ".new"
    try:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        listener.bind(temporary)
        os.chmod(temporary, 0o600)
        listener.listen(BACKLOG)
        os.rename(temporary, path)
    except BaseException:
        listener.close()
        raise
    return listener


def _clean(directory: str) -> None:
    """Remove some of the sockets that killed supervisors have left behind."""
    names = [name for name in os.listdir(directory) if name.endswith(".sock")]
    for name in names[:CLEANED]:
        path = os.path.join(directory, name)
        try:
            sock = reach(path)
            if sock is None:
                os.unlink(path)
            else:
                sock.close()
        except OSError:
            continue
