"""Starts and exits of attempts on disk, so that a result survives the death of everybody.

Beside the spools of a run: `starts.jsonl` has a line {attempt, mark, supervisor, pid, at} written
before the process is started (`supervisor` names this one, for ever; `pid` is for people, as every
container counts anew), `exits.jsonl` the exit record written before it is announced.
"""

from __future__ import annotations

import errno
import json
import os

from .loop import Loop
from .lost import EXITS, lines, lose
from .refusal import Refusal
from .spool import safe_name
from .tree import marked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable

RETRY = 0.5
# What may pass. Any other failure lasts: a removed directory, a file system that went away.
PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
STARTS = "starts.jsonl"


class Ledger:
    """Appends lines; keeps in memory what a full disk refused, and tries again."""

    def __init__(self, loop: Loop) -> None:
        self.incarnation = os.urandom(16).hex()
        self._loop = loop
        self._files: dict[str, int] = {}
        self._exits: dict[str, str] = {}
        self._places: dict[str, tuple[str, int, int]] = {}
        self._spools: dict[str, str] = {}
        self._unwritten: dict[str, bytes] = {}
        self._homeless: set[str] = set()  # of those: there is no place to write them to any more
        self._retrying = False

    def started(self, attempt: str, mark: int, exits: str, at: float) -> None:
        """Note that `attempt` is about to start; its exit will go to the file `exits`.

        Raises OSError when the note cannot be written: then it must not start, as nobody could
        know of it should we die, and it would be started again.
        """
        self._exits[attempt] = exits
        line = {"attempt": attempt, "mark": mark, "supervisor": self.incarnation}
        line.update(pid=os.getpid(), at=at)
        path = os.path.join(os.path.dirname(exits), STARTS)
        try:
            _make_directory(path)
            self._append(path, _line(line))
        except OSError as error:
            text = "the start could not be recorded: %s" % error.strerror
            raise OSError(error.errno, text, path) from error

    def recover(self, folder: str, live: Iterable[str], why: dict[str, str]) -> int:
        """Learn what earlier supervisors did in `folder`; returns how many attempts were lost.

        Their exits are known from now on. An attempt without one, that is not among `live`, is
        lost: what bears its mark is killed, counted, and recorded. `why` tells it by incarnation.
        """
        exits = os.path.join(folder, EXITS)
        for at, size, record in lines(exits):
            self._adopt(record["attempt"], exits, at, size)
        missing: dict[str, dict[str, Any]] = {}
        for _, _, start in lines(os.path.join(folder, STARTS)):
            attempt = start["attempt"]
            mine = start.get("supervisor", "") == self.incarnation
            if not (mine or attempt in live or self.knows(attempt)):
                missing.setdefault(attempt, start)
        # Looking at all processes once for each would take seconds when there are many.
        marks, names = marked() if missing else (set(), set())
        for attempt, start in missing.items():
            mark, spool = int(start.get("mark", 0)), spool_in(folder, attempt)
            reason = why.get(start.get("supervisor", ""), "")
            left = mark in marks or attempt in names
            self._exits[attempt] = exits
            self.ended(attempt, lose(attempt, mark, spool, reason, left=left), spool)
        return len(missing)

    def _adopt(self, attempt: str, path: str, at: int, size: int) -> None:
        if attempt not in self._unwritten:
            self._places[attempt] = (path, at, size)
            self._spools.setdefault(attempt, spool_in(os.path.dirname(path), attempt))

    def drop(self, run: str) -> None:
        """Forget every ended attempt of a run."""
        for attempt in [name for name in self.known() if name.startswith(run + "/")]:
            self.forget(attempt)

    def ended(self, attempt: str, record: dict[str, Any], spool: str) -> bytes:
        """Write the exit record; returns its line."""
        self._spools[attempt] = spool
        line = _line(record)
        path = self._exits.pop(attempt)
        try:
            at = self._append(path, line)
        except OSError as error:
            record["warnings"].append(
                "the exit record could not be written yet: %s" % error.strerror
            )
            line = _line(record)
            self._short(path, record)
            self._unwritten[attempt] = line
            self._exits[attempt] = path
            self._keep(attempt, error)
            return line
        self._places[attempt] = (path, at, len(line))
        return line

    def knows(self, attempt: str) -> bool:
        """True when `attempt` has ended and is not forgotten."""
        return attempt in self._places or attempt in self._unwritten

    def exit_of(self, attempt: str) -> bytes:
        """The line of an ended attempt. Raises Refusal GONE when its file has been removed."""
        if attempt in self._unwritten:
            return self._unwritten[attempt]
        path, at, size = self._places[attempt]
        try:
            fd = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise Refusal("GONE", "the exit record of %s was removed" % attempt) from error
        try:
            return os.pread(fd, size, at)
        finally:
            os.close(fd)

    def spool_of(self, attempt: str) -> str:
        """Path of the spool of an ended attempt, or an empty string."""
        return self._spools.get(attempt, "")

    def known(self) -> list[str]:
        """Attempts that have ended and are not forgotten."""
        return list(self._places) + list(self._unwritten)

    def forget(self, attempt: str) -> bool:
        """Drop an ended attempt from memory; its line on disk stays."""
        self._spools.pop(attempt, None)
        self._homeless.discard(attempt)
        return (
            self._places.pop(attempt, None) is not None
            or self._unwritten.pop(attempt, None) is not None
        )

    @property
    def settled(self) -> bool:
        """True when every record is on disk that has a place there."""
        return len(self._unwritten) == len(self._homeless)

    def _short(self, path: str, record: dict[str, Any]) -> None:
        """Without its output a record may still fit; the whole one follows when there is room."""
        try:
            self._append(path, _line(dict(record, stdout="", stderr="", exports={})))
        except OSError:
            pass  # the disk is full to the last byte

    def _append(self, path: str, line: bytes) -> int:
        fd = self._file(path)
        at = os.lseek(fd, 0, os.SEEK_END)
        # A torn last line, of a write that neither ended nor could be undone, stays alone.
        border = b"\n" if at > 0 and os.pread(fd, 1, at - 1) != b"\n" else b""
        whole = border + line
        try:
            written = os.write(fd, whole)
            while written < len(whole):
                written += os.write(fd, whole[written:])
        except OSError:
            self._cut(fd, at)
            raise
        return at + len(border)

    def _cut(self, fd: int, size: int) -> None:
        try:
            os.ftruncate(fd, size)
        except OSError:
            pass  # what is torn stays torn

    def _file(self, path: str) -> int:
        """A descriptor of what is at `path` now; the file may have been removed or replaced."""
        fd = self._files.get(path)
        if fd is not None:
            try:
                if os.path.samestat(os.fstat(fd), os.stat(path)):
                    return fd
            except OSError:
                pass
            os.close(self._files.pop(path))
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._files[path] = fd
        if len(self._files) > 64:
            os.close(self._files.pop(next(iter(self._files))))
        return fd

    def _keep(self, attempt: str, error: OSError) -> None:
        if error.errno in PASSING:
            self._retry_soon()
        else:
            self._homeless.add(attempt)

    def _retry_soon(self) -> None:
        if not self._retrying:
            self._retrying = True
            self._loop.after(RETRY, self._retry)

    def _retry(self) -> None:
        self._retrying = False
        for attempt, line in list(self._unwritten.items()):
            if attempt in self._homeless:
                continue
            path = self._exits[attempt]
            try:
                at = self._append(path, line)
            except OSError as error:
                self._keep(attempt, error)
                continue
            del self._unwritten[attempt], self._exits[attempt]
            self._places[attempt] = (path, at, len(line))


def spool_in(folder: str, attempt: str) -> str:
    """Where the spool of `attempt` is in the output directory of its run."""
    return os.path.join(folder, safe_name(attempt.partition("/")[2]) + ".log")


def _make_directory(path: str) -> None:
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        os.makedirs(directory, 0o700, exist_ok=True)


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode("ascii") + b"\n"
