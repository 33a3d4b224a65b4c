"""Ends a supervisor that does not answer: stopped, or stuck in the kernel."""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from pathlib import Path

from runyard.model.errors import SystemFault
from runyard.supervisor import tree

HELLO = 10.0
"""Seconds in which a supervisor introduces itself."""

_PATIENCE = 5.0
_CREDENTIALS = struct.Struct("3i")


def silent(pid: int, what: str) -> SystemFault:
    """The error of a supervisor that does not answer; `pid` 0 when it is not known."""
    return SystemFault(
        f"the supervisor{f' (pid {pid})' if pid else ''} does not answer{what}",
        code="SUPERVISOR_HUNG",
        hint=f"see what stopped it; `kill -CONT {pid}` wakes it, `kill -9 {pid}` ends it"
        if pid
        else "see what stopped it",
    )


def end(pid: int, started: int) -> bool:
    """Kill the process `pid`, if it is the one that started at `started`. Blocks.

    Returns True once it is gone; False when it is another one, or cannot be killed.
    """
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        process = tree.look(pid) if pid > 0 else None
        if process is None or not process.alive:
            return pid > 0
        if process.started != started:
            return False
        tree.send([pid], signal.SIGKILL)
        time.sleep(0.01)
    return False


def listener(sock: socket.socket, path: Path) -> int:
    """Pid of the supervisor that listens at the other end of `sock`; 0 when it is not to be seen.

    The kernel tells who called listen(): a supervisor does so itself, soon after its start. That
    it is one is shown by its arguments, as `path` is among them.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return 0
    raw = sock.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    pid = int(_CREDENTIALS.unpack(raw)[0])
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return 0
    return pid if os.fsencode(path) in words else 0
