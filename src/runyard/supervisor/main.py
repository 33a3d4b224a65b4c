"""The process: detaches, becomes the reaper of its descendants, serves doors, ends when idle.

python -I -S <this folder> SOCKET_PATH OWNER [ROOT]     with the listening socket as descriptor 0

Below ROOT are the outputs of the runs whose starts do not say where theirs goes.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import socket
import sys
import time

from .door import Door
from .launch import NOFILE
from .loop import READ, Loop
from .verbs import Verbs
from .yard import Yard

BACKLOG = 128
FIRST_DOOR = 10.0
FULL_DISK = 600.0  # seconds to wait for room for the last exit records
MAX_DEFECTS = 20
PR_SET_CHILD_SUBREAPER = 36


class Supervisor:
    """Accepts doors until the last one has left and no attempt lives."""

    def __init__(self, listener: socket.socket, path: str, owner: str, root: str) -> None:
        self._loop = Loop(self._report)
        self._yard = Yard(self._loop, root)
        self._verbs = Verbs(self._yard, owner)
        self._listener = listener
        self._path = path
        self._place = _place(path)
        self._doors: set[Door] = set()
        self._awaited = True  # the owner has started us and is about to come
        self._stopping = False
        self._busy_until = 0.0
        self._defects = 0

    def run(self) -> None:
        loop = self._loop
        loop.on_signals({signal.SIGCHLD: self._yard.reap, signal.SIGTERM: self._stop})
        self._listener.setblocking(False)
        self._listener.listen(BACKLOG)  # again, so that SO_PEERCRED names us and not our starter
        self._listen()
        loop.after(FIRST_DOOR, self._waited)
        loop.run(self._finished)

    def _listen(self) -> None:
        self._loop.watch(self._listener.fileno(), READ, self._accept)

    def _accept(self, _events: int) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:  # no descriptors left, or the peer has gone again
                self._loop.unwatch(self._listener.fileno())
                self._loop.after(0.1, self._listen)
                return
            self._doors.add(Door(self._loop, sock, self._verbs.serve, self._left))

    def _left(self, door: Door) -> None:
        self._doors.discard(door)
        if door.epoch >= 0:
            self._awaited = False
        self._busy_until = time.monotonic() + FULL_DISK

    def _waited(self) -> None:
        self._awaited = False

    def _stop(self) -> None:
        self._stopping = True
        self._yard.end_all()

    def _report(self, error: BaseException) -> None:
        """Keep the first defects of a supervisor beside its socket; it has no other voice."""
        import traceback

        self._defects += 1
        if self._defects <= MAX_DEFECTS:
            lines = traceback.format_exception(type(error), error, error.__traceback__)
            try:
                with open(self._path + ".log", "a", encoding="utf-8") as file:
                    file.writelines(lines)
            except OSError:
                pass  # its directory is gone, or the disk full

    def _finished(self) -> bool:
        if self._yard.live:
            return False
        if (self._doors or self._awaited) and not self._stopping:
            return False
        if self._verbs.busy and not (self._stopping and self._verbs.end()):
            return False
        waits = not self._stopping and not self._yard.ledger.settled
        if waits and time.monotonic() < self._busy_until:
            return False
        if _place(self._path) == self._place:
            os.unlink(self._path)
        if not self._stopping:
            # Somebody may have come between the last look and the unlink: serve him, too.
            self._accept(READ)
        return not self._doors or self._stopping


def main(arguments: list[str]) -> None:
    """Take descriptor 0 as the listening socket and serve it."""
    path, owner, root = (arguments + ["", ""])[:3]
    _detach()
    serve(path, owner, root)


def serve(path: str, owner: str, root: str) -> None:
    """Be the supervisor, in a process of its own that nobody waits for.

    Whoever has started it is told when it cannot be.
    """
    listener = socket.socket(fileno=os.dup(0))
    try:
        supervisor = _prepare(listener, path, owner, root)
    except Exception as error:
        from .stillborn import tell

        tell(listener, path, error)
        raise
    supervisor.run()


def _prepare(listener: socket.socket, path: str, owner: str, root: str) -> Supervisor:
    _close_inherited(listener.fileno())
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    _become_reaper()
    _limit_files(os.environ.pop(NOFILE, ""))
    os.chdir("/")
    # What has been loaded stays: looking through it again and again is time of every attempt.
    gc.freeze()
    return Supervisor(listener, path, owner, root)


def _detach() -> None:
    """Become nobody's child: whoever started us has nothing to wait for."""
    if os.fork():
        os._exit(0)
    os.setsid()


def _close_inherited(keep: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    for name in os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"):
        fd = int(name)
        if fd > 2 and fd != keep:
            try:
                os.close(fd)
            except OSError:
                pass


def _limit_files(soft: str) -> None:
    """Open files as the user has them, for us and all that we start."""
    if soft.isdigit():
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), hard))


def _become_reaper() -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _place(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino
