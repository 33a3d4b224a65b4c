"""The yard: all attempts of one supervisor, their processes, and the records of their ends."""

from __future__ import annotations

import os

from . import tree
from .attempt import Attempt
from .cgroup import Cgroups
from .fence import epoch_of, put_up
from .forget import remove_tree
from .ledger import Ledger
from .loop import Loop
from .output import Output
from .request import RUN, Request, output_folder
from .spawn import Spawner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ENOUGH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Yard:
    """Starts attempts, is the reaper of all that descends from them, and attributes orphans."""

    def __init__(self, loop: Loop, root: str = "") -> None:
        self.loop = loop
        self.root = root
        self.childless = True
        self.live: dict[str, Attempt] = {}
        self.ledger = Ledger(loop)
        self._leaders: dict[int, Attempt] = {}
        self._orphans: dict[int, Attempt | None] = {}
        self._ended: list[tuple[Attempt, int, float, int]] = []
        self._marks: dict[int, Attempt] = {}
        self._spawner = Spawner(*tree.new_marks())
        self._cgroups = Cgroups()
        self._base = dict(os.environ)
        self._base.setdefault("PATH", ENOUGH_PATH)
        home = os.path.expanduser("~")
        self._home = home if os.path.isdir(home) else "/"  # as sudo has it for users without one

    def start(self, header: dict[str, Any], stdin: bytes) -> tuple[Attempt, bool]:
        """Start what `header` says, or find it: (attempt, True when it is new).

        Raises as `Request` does. A program that cannot be started is an attempt that has ended:
        `start-failed`.
        """
        known = self.live.get(header["attempt"])
        if known is not None:
            return known, False
        request = Request(header, self._home, self.root)
        name = request.attempt
        mark = self._spawner.next_mark()
        output = Output(request.spool, request.capture, request.secrets, request.exports)
        attempt = Attempt(self, name, mark, output, request.grace)
        self.live[name] = attempt
        attempt.limits = request.limits
        attempt.lease = request.lease
        try:
            self.ledger.started(name, mark, request.exits, attempt.started_at)
        except OSError as error:
            attempt.never_started(_reason(error))
            return attempt, True
        attempt.cgroup = self._cgroups.make(request.limits)
        if request.output_path:
            output.copy_to(request.output_path, name)
        try:
            start = request.start(self._base, attempt.cgroup)
            child = self._spawner.spawn(start, mark, len(self.live))
        except (OSError, ValueError) as error:
            attempt.never_started(_reason(error))
            return attempt, True
        self.childless = False
        self._leaders[child.pid] = self._marks[mark] = attempt
        attempt.run(child, stdin, request.keep_stdin)
        attempt.arm(request.timeout)
        return attempt, True

    def recover(self, run: str, why: dict[str, str]) -> int:
        """Learn what earlier supervisors below our root did for `run`; how many were lost."""
        return self.ledger.recover(output_folder(self.root, run), self.live, why)

    def clean(self, run: str, fence: int = 0) -> bool:
        """Remove the files of `run` below our root and forget it; False while it has attempts.

        What stays of it is `fence`, unless that is 0. Raises OSError.
        """
        folder = os.path.dirname(output_folder(self.root, run))
        if any(name.startswith(run + "/") for name in self.live):
            return False
        if fence:
            put_up(self.root, run, fence)
        self.ledger.drop(run)
        remove_tree(folder)
        return True

    def fence_of(self, owner: str) -> int:
        """The epoch below which nobody of `owner` is let in any more."""
        return epoch_of(self.root, owner) if self.root and RUN.fullmatch(owner) else 0

    def members(self, attempt: Attempt) -> dict[int, tree.Process]:
        """Every living process of `attempt`."""
        self._find_orphans()
        roots = [pid for pid, owner in self._orphans.items() if owner is attempt]
        if len(self.live) == 1:
            roots += [pid for pid, owner in self._orphans.items() if owner is None]
        if attempt.pid in self._leaders:
            roots.append(attempt.pid)
        found = tree.descendants(roots)
        attempt.known.update(found)
        return found

    def reap(self) -> None:
        """Wait for every child that has ended; SIGCHLD says when."""
        self.collect()
        ended, self._ended = self._ended, []
        for attempt, status, cpu, peak in ended:
            if not attempt.ended:
                attempt.main_ended(status, cpu, peak)
        for attempt in [a for a in self.live.values() if a.ending]:
            attempt.check()

    def collect(self) -> None:
        """Leave no zombie; main processes that have ended are for `reap` to tell of."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self.childless = True
                break
            if pid == 0:
                self.childless = False
                break
            cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
            attempt = self._leaders.pop(pid, None)
            if attempt is not None:
                self._ended.append((attempt, status, cpu, peak))
                self.loop.after(0.0, self.reap)
            else:
                owner = self._orphans.pop(pid, None) or self._seen_in(pid)
                if owner is not None:
                    owner.add_usage(cpu, peak)

    def finished(self, attempt: Attempt, record: dict[str, Any]) -> None:
        """Record the end, then tell everyone who waits for it."""
        self.live.pop(attempt.name, None)
        self._marks.pop(attempt.mark, None)
        line = self.ledger.ended(attempt.name, record, attempt.output.spool.path)
        waiting, attempt.on_end = attempt.on_end, []
        for tell in waiting:
            tell(line)
        listening, attempt.on_output = attempt.on_output, []
        for wake in listening:
            wake()

    def end_all(self) -> None:
        """End every attempt: the supervisor itself has been told to stop, as by a shutdown."""
        for attempt in list(self.live.values()):
            attempt.end("lost", error="the supervisor was told to stop")

    def _seen_in(self, pid: int) -> Attempt | None:
        """The attempt in whose tree `pid` was seen before it became an orphan."""
        for attempt in self.live.values():
            if pid in attempt.known:
                return attempt
        return None

    def _find_orphans(self) -> None:
        """Attribute children that nobody else has for a parent any more."""
        for pid in tree.children(os.getpid()):
            if pid in self._leaders or self._orphans.get(pid) is not None:
                continue
            process = tree.look(pid)
            if process is None or not process.alive:
                continue
            self._orphans[pid] = self._owner(process)

    def _owner(self, process: tree.Process) -> Attempt | None:
        owner = self._marks.get(tree.mark_of(process.pid))
        if owner is None:
            owner = self.live.get(tree.attempt_of(process.pid))
        if owner is None:
            for attempt in self.live.values():
                if attempt.pid == process.session:
                    return attempt
        return owner


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return "%s: %s" % (error.filename, error.strerror)
    return str(error)
