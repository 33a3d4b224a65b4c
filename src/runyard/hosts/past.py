"""Attempts of supervisors that are gone: their exits as recorded, or the proof of their loss."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from runyard.model.execution import CAPTURE, Exit
from runyard.supervisor.capture import Capture
from runyard.supervisor.ledger import STARTS
from runyard.supervisor.spool import read_records
from runyard.supervisor.tree import sweep_marked

EXITS = "exits.jsonl"
_FIELDS = frozenset(f.name for f in fields(Exit))
_PART = 1 << 20


class Past:
    """What the files of a run's output directory tell; each is read once.

    `supervisor` is the incarnation of the present one: what it has started is not past.
    """

    def __init__(self, supervisor: str) -> None:
        self._supervisor = supervisor
        self._exits: dict[str, Exit] = {}
        self._starts: dict[str, tuple[int, str]] = {}
        self._read: set[Path] = set()

    def knows(self, directory: Path, attempt: str) -> bool:
        """True when `attempt` was started by a supervisor before the present one."""
        self._load(directory)
        return attempt in self._exits or attempt in self._starts

    def exit_of(self, directory: Path, attempt: str) -> Exit | None:
        """The recorded end of `attempt`, if there is one."""
        self._load(directory)
        return self._exits.get(attempt)

    def unfinished(self, directory: Path) -> list[str]:
        """Attempts that were started by earlier supervisors and have no recorded end."""
        self._load(directory)
        return [attempt for attempt in self._starts if attempt not in self._exits]

    def supervisor_of(self, attempt: str) -> str:
        """The incarnation that has started `attempt`, or an empty string."""
        return self._starts.get(attempt, (0, ""))[1]

    def lose(self, directory: Path, attempt: str, spool: Path, why: str = "") -> Exit:
        """Kill what is left of a lost attempt, record its end, and return it. Blocks."""
        self._load(directory)
        swept, survivors = sweep_marked(attempt, self._starts.get(attempt, (0, ""))[0])
        out, err = captured(spool)
        now = time.time()
        lost = Exit(
            exit_code=None,
            signal=None,
            ended_by="lost",
            stdout=out.text(),
            stderr=err.text(),
            stdout_bytes=out.total,
            stderr_bytes=err.total,
            swept=swept,
            survivors=survivors,
            started_at=now,
            ended_at=now,
            error=why or "the supervisor of this attempt died, and its exit with it",
        )
        record = {"attempt": attempt, **{name: getattr(lost, name) for name in _FIELDS}}
        self._exits[attempt] = lost
        with suppress(OSError):  # asked again, the loss is found again
            _append(directory / EXITS, json.dumps(record).encode() + b"\n")
        return lost

    def _load(self, directory: Path) -> None:
        if directory in self._read:
            return
        self._read.add(directory)
        for record in _lines(directory / EXITS):
            if {"exit_code", "signal", "ended_by"} <= record.keys():
                self._exits[record["attempt"]] = exit_from(record)
        for record in _lines(directory / STARTS):
            supervisor = str(record.get("supervisor", ""))
            if supervisor != self._supervisor:
                self._starts[record["attempt"]] = (int(record.get("mark", 0)), supervisor)


def exit_from(record: dict[str, Any]) -> Exit:
    """The Exit of a record as the supervisor writes it."""
    known = {name: value for name, value in record.items() if name in _FIELDS}
    known["warnings"] = tuple(known.get("warnings", ()))
    return Exit(**known)


def captured(spool: Path, limit: int = CAPTURE) -> tuple[Capture, Capture]:
    """Head and tail of both streams of a spool."""
    captures = (Capture(limit), Capture(limit))
    try:
        fd = os.open(spool, os.O_RDONLY)
    except OSError:
        return captures
    try:
        position = 0
        while True:
            records, position = read_records(fd, position, _PART)
            if not records:
                return captures
            for stream, _, _, payload in records:
                captures[stream != 1].add(payload)
    finally:
        os.close(fd)


def _append(path: Path, line: bytes) -> None:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.lseek(fd, 0, os.SEEK_END)
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        os.write(fd, b"\n" + line if torn else line)
    finally:
        os.close(fd)


def _lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file of JSON lines; a torn one is left out."""
    try:
        raw = path.read_bytes()
    except OSError:
        return []
    records = []
    for line in raw.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and "attempt" in record:
            records.append(record)
    return records
