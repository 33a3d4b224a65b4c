"""Reads the tree of processes: who is alive, who belongs to whom, which attempt's mark it bears."""

from __future__ import annotations

import os
import resource
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

ENV_MARK = "RUNYARD_ATTEMPT"
TICKS = os.sysconf("SC_CLK_TCK")
# Any other failure, such as having no descriptor left, must not look like "nobody is there".
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError, NotADirectoryError)
PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """One line of /proc/PID/stat, as far as it matters here. `cpu` in seconds, `rss` in bytes."""

    __slots__ = ("cpu", "parent", "pid", "rss", "session", "started", "state", "threads")

    def __init__(self, pid: int, fields: list[bytes]) -> None:
        self.pid = pid
        self.state = fields[0].decode()
        self.parent = int(fields[1])
        self.session = int(fields[3])
        self.cpu = sum(int(field) for field in fields[11:15]) / TICKS
        self.threads = int(fields[17])
        self.started = int(fields[19])
        self.rss = int(fields[21]) * PAGE

    @property
    def alive(self) -> bool:
        # A main thread that has ended is a zombie while others of its process run on.
        return self.state not in "ZX" or (self.state == "Z" and self.threads > 1)


def look(pid: int) -> Process | None:
    """The process `pid`, or None when it is gone."""
    raw = _read("/proc/%d/stat" % pid)
    if raw is None:
        return None
    fields = raw[raw.rfind(b")") + 2 :].split()
    if len(fields) < 22:
        return None
    return Process(pid, fields)


def children(pid: int) -> list[int]:
    """The children of `pid`, dead ones not yet waited for included."""
    found: list[int] = []
    try:
        threads = os.listdir("/proc/%d/task" % pid)
    except _GONE:
        return found
    for thread in threads:
        raw = _read("/proc/%d/task/%s/children" % (pid, thread))
        if raw is None:
            return [p.pid for p in everyone() if p.parent == pid] if _no_children_file() else found
        found += [int(word) for word in raw.split()]
    return found


def descendants(roots: Iterable[int]) -> dict[int, Process]:
    """All living processes at and below `roots`."""
    found: dict[int, Process] = {}
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in seen:
            continue
        seen.add(pid)
        process = look(pid)
        if process is None:
            continue
        if process.alive:
            found[pid] = process
        waiting += children(pid)
    return found


def everyone() -> list[Process]:
    """All processes of the machine that can be seen."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            process = look(int(name))
            if process is not None:
                found.append(process)
    return found


def mark_of(pid: int) -> int:
    """The soft limit of resident memory, which Linux ignores and we use as a mark; -1 if none."""
    raw = _read("/proc/%d/limits" % pid)
    if raw is None:
        return -1
    at = raw.find(b"Max resident set")
    words = raw[at : raw.find(b"\n", at)].split()
    return int(words[3]) if at >= 0 and len(words) > 3 and words[3].isdigit() else -1


def attempt_of(pid: int) -> str:
    """The attempt named by the environment of `pid`, or an empty string."""
    raw = _read("/proc/%d/environ" % pid)
    if raw is None:
        return ""
    prefix = ENV_MARK.encode() + b"="
    for pair in raw.split(b"\0"):
        if pair.startswith(prefix):
            return pair[len(prefix) :].decode("utf-8", "surrogateescape")
    return ""


def marked() -> tuple[set[int], set[str]]:
    """The marks, and the names of attempts, that living processes of the machine bear."""
    marks: set[int] = set()
    names: set[str] = set()
    for process in everyone():
        if process.alive and process.pid != os.getpid():
            marks.add(mark_of(process.pid))
            names.add(attempt_of(process.pid))
    return marks, names


def new_marks() -> tuple[int, int]:
    """Where the marks of this supervisor begin, and the hard limit to keep.

    2^20 marks follow the first one; they differ between supervisors by 32 random bits.
    """
    hard = resource.getrlimit(resource.RLIMIT_RSS)[1]
    return (1 << 55) + (int.from_bytes(os.urandom(4), "big") << 20), hard


def send(pids: Iterable[int], number: int) -> None:
    """Signal each of `pids` that is still there and may be signalled."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            pass


def sweep_marked(attempt: str, mark: int, patience: float = 5.0) -> tuple[int, int]:
    """Kill everything that bears a mark of `attempt`, and all below it, on the whole machine.

    For attempts whose supervisor is gone. Returns how many processes were found alive, and how
    many of them are alive still.
    """
    found: set[tuple[int, int]] = set()
    deadline = time.monotonic() + patience
    while True:
        roots = [
            p.pid
            for p in everyone()
            if p.alive
            and p.pid != os.getpid()
            and ((mark > 0 and mark_of(p.pid) == mark) or attempt_of(p.pid) == attempt)
        ]
        left = descendants(roots)
        left.pop(os.getpid(), None)
        found.update((p.pid, p.started) for p in left.values())
        if not left or time.monotonic() > deadline:
            return len(found), len(left)
        send(left, signal.SIGSTOP)
        send(left, signal.SIGKILL)
        time.sleep(0.01)


def _no_children_file() -> bool:
    return not os.path.exists("/proc/self/task/%d/children" % os.getpid())


def _read(path: str) -> bytes | None:
    """The content, or None when the process is gone or hidden from us."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except _GONE:
        return None
    try:
        parts: list[bytes] = []
        while True:
            part = os.read(fd, 65536)
            if not part:
                return b"".join(parts)
            parts.append(part)
    except _GONE:
        return None
    finally:
        os.close(fd)
