"""A door over stdin and stdout: what a remote shell, a container or another user gives us.

python -I -S <this folder> relay OWNER IDLE      with a peer at descriptors 0 and 1

Joins the supervisor of OWNER on this machine, or starts it, says so in one line of JSON that
begins with GREETING, and then passes bytes on in both directions. Ends when one side has left,
or when nothing has come from the peer for IDLE seconds: a cut link looks like that.
"""

from __future__ import annotations

import errno
import os
import select
import sys
import time
from _socket import AF_UNIX, SOCK_STREAM
from _socket import socket as Socket  # the rest of `socket` takes longer than our whole start

from . import launch
from .refusal import Refusal, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Callable

GREETING = '{"runyard": '
BLOCK = 1 << 18
HIGH_WATER = 1 << 18
_READ = select.POLLIN
_SAID = select.POLLIN | select.POLLHUP
_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS)
KNOCK = 10.0  # seconds in which a supervisor accepts, however busy it is


def main(arguments: list[str]) -> int:
    """Greet, then relay; the exit code tells whether there was a supervisor."""
    owner, idle = arguments[0], float(arguments[1])
    try:
        root = state_root()
        path = launch.socket_path(root, owner)
        door = _knock(path)
        if door is None:
            from .forget import forget_old

            forget_old(root, owner)
            door = launch.join(path, _begin(path, owner, root))[0].detach()
    except Refusal as refusal:
        return _greet(error=refusal.message, code=refusal.code)
    except OSError as error:
        text = "%s: %s" % (error.filename or "supervisor", error.strerror)
        return _greet(error=text, code="SYSTEM")
    except ImportError as error:
        return _greet(error="python3 there is not whole: %s" % error, code="no-python")
    _greet(root=root, python="%d.%d.%d" % sys.version_info[:3])
    _relay(door, idle)
    return 0


def state_root() -> str:
    """Where the output of other machines' runs is kept on this one, until they have fetched it.

    In the home; in a directory below /tmp for a user who may not write there, as a service's.
    Raises OSError, and Refusal when that directory is not the user's own.
    """
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    root = os.path.join(state, "runyard", "remote", machine())
    try:
        os.makedirs(root, 0o700, exist_ok=True)
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise
        own = launch.temporary()
        launch.make_own(own)
        root = os.path.join(own, "remote", machine())
        os.makedirs(root, 0o700, exist_ok=True)
    return root


def machine() -> str:
    """A name that this machine keeps, and no other has: homes may be on many machines."""
    try:
        with open("/etc/machine-id", encoding="ascii") as file:
            name = file.read().strip()
    except (OSError, ValueError):
        name = ""
    return launch.sha256((name or os.uname().nodename).encode("utf-8", "surrogateescape"))[:12]


def _greet(**words: str) -> int:
    said = ", ".join('"%s": %s' % (name, quoted(text)) for name, text in words.items())
    os.write(1, (GREETING + "{" + said + "}}\n").encode("ascii"))
    return 1 if "error" in words else 0


def _knock(path: str) -> int | None:
    """A descriptor connected to who listens at `path`, or None. Raises OSError."""
    sock = Socket(AF_UNIX, SOCK_STREAM)
    try:
        sock.settimeout(KNOCK)
        sock.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        return None
    except BaseException:
        sock.close()
        raise
    return sock.detach()


def _begin(path: str, owner: str, root: str) -> Callable[[socket.socket], int]:
    """Become the supervisor in a fork: this interpreter has all that it needs."""

    def begin(listener: socket.socket) -> int:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            return 0
        try:
            os.setsid()
            if os.fork():
                os._exit(0)
            os.dup2(listener.fileno(), 0)
            try:
                from .main import serve
            except Exception as error:
                from .stillborn import tell

                tell(listener, path, error)
                os._exit(1)
            kept = launch.base_environment(os.environ)
            os.environ.clear()
            os.environ.update(kept)
            serve(path, owner, root)
        finally:
            os._exit(0)

    return begin


def _relay(here: int, idle: float) -> None:
    """Pass bytes on until one side has left; reads no faster than the other side takes."""
    os.set_blocking(1, False)
    os.set_blocking(here, False)
    inward, outward = bytearray(), bytearray()
    poll = select.poll()
    watched: dict[int, int] = {}
    there = True  # the supervisor; what it has said is passed on when it has left
    heard = time.monotonic()
    while there or outward:
        left = heard + idle - time.monotonic()
        if left <= 0:
            return
        _watch(poll, watched, 0, _READ if len(inward) < HIGH_WATER else -1)
        events = _READ if there and len(outward) < HIGH_WATER else 0
        _watch(poll, watched, here, events | (select.POLLOUT if inward else 0) or -1)
        _watch(poll, watched, 1, select.POLLOUT if outward else 0)
        ready = dict(poll.poll(int(left * 1000) + 1))
        if ready.get(0, 0) & _SAID:
            data = _read(0)
            if not data:
                return
            heard = time.monotonic()
            inward += data
        if events and ready.get(here, 0) & _SAID:
            data = _read(here)
            there = bool(data)
            outward += data
        if inward and not _pass_on(inward, here):
            inward.clear()  # what it has said before it left is still to be read
        if outward and not _pass_on(outward, 1):
            return
        if ready.get(1, 0) & (select.POLLERR | select.POLLHUP):
            return


def _watch(poll: select.poll, watched: dict[int, int], fd: int, events: int) -> None:
    """Wait for `events` of `fd`; -1 is not even for its end, which is told again and again."""
    if watched.get(fd, -1) == events:
        return
    if events < 0:
        poll.unregister(fd)
    else:
        poll.register(fd, events)
    watched[fd] = events


def _read(fd: int) -> bytes:
    """What is there; nothing when the other side has left."""
    try:
        return os.read(fd, BLOCK)
    except OSError:
        return b""


def _pass_on(data: bytearray, fd: int) -> bool:
    """Write what `fd` takes now, and take it away; False when nobody is there any more."""
    try:
        del data[: os.write(fd, data)]
    except BlockingIOError:
        pass
    except OSError:
        return False
    return True
