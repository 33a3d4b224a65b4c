"""Starts and exits of attempts on disk, so that a result survives the death of everybody.

Beside the spools of a run: `starts.jsonl` has a line {attempt, mark, supervisor, pid, at} written
before the process is started (`supervisor` names this one, for ever; `pid` is for people, as every
container counts anew), `exits.jsonl` the exit record written before it is announced.
"""

from __future__ import annotations

import json
import os

from .loop import Loop
from .refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RETRY = 0.5
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
        self._retrying = False

    def started(self, attempt: str, mark: int, exits: str, at: float) -> None:
        """Note that `attempt` is about to start; its exit will go to the file `exits`."""
        self._exits[attempt] = exits
        line = {"attempt": attempt, "mark": mark, "supervisor": self.incarnation}
        line.update(pid=os.getpid(), at=at)
        path = os.path.join(os.path.dirname(exits), STARTS)
        try:
            self._append(path, _line(line))
        except OSError:
            pass  # costs only the proof of a loss, should the supervisor die as well

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
            self._retry_soon()
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
        return (
            self._places.pop(attempt, None) is not None
            or self._unwritten.pop(attempt, None) is not None
        )

    @property
    def settled(self) -> bool:
        """True when every record is on disk."""
        return not self._unwritten

    def _short(self, path: str, record: dict[str, Any]) -> None:
        """Without its output a record may still fit; the whole one follows when there is room."""
        try:
            self._append(path, _line(dict(record, stdout="", stderr="", exports={})))
        except OSError:
            pass  # the disk is full to the last byte

    def _append(self, path: str, line: bytes) -> int:
        fd = self._files.get(path)
        if fd is None:
            fd = self._files[path] = self._open(path)
            if len(self._files) > 64:
                os.close(self._files.pop(next(iter(self._files))))
        at = os.lseek(fd, 0, os.SEEK_END)
        try:
            written = os.write(fd, line)
            while written < len(line):
                written += os.write(fd, line[written:])
        except OSError:
            os.ftruncate(fd, at)
            raise
        return at

    def _open(self, path: str) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            return os.open(path, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            return os.open(path, flags, 0o600)

    def _retry_soon(self) -> None:
        if not self._retrying:
            self._retrying = True
            self._loop.after(RETRY, self._retry)

    def _retry(self) -> None:
        self._retrying = False
        for attempt, line in list(self._unwritten.items()):
            path = self._exits[attempt]
            try:
                at = self._append(path, line)
            except OSError:
                self._retry_soon()
                return
            del self._unwritten[attempt], self._exits[attempt]
            self._places[attempt] = (path, at, len(line))


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode("ascii") + b"\n"
