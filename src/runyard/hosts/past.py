"""Attempts of supervisors that are gone: their exits as recorded, or the proof of their loss."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from runyard.model.execution import Exit
from runyard.supervisor import lost
from runyard.supervisor.ledger import STARTS
from runyard.supervisor.lost import EXITS

_FIELDS = frozenset(f.name for f in fields(Exit))


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
        mark = self._starts.get(attempt, (0, ""))[0]
        record = lost.lose(attempt, mark, str(spool), why)
        end = self._exits[attempt] = exit_from(record)
        with suppress(OSError):  # asked again, the loss is found again
            lost.append(str(directory / EXITS), record)
        return end

    def _load(self, directory: Path) -> None:
        if directory in self._read:
            return
        self._read.add(directory)
        for _, _, record in lost.lines(str(directory / EXITS)):
            if {"exit_code", "signal", "ended_by"} <= record.keys():
                self._exits[record["attempt"]] = exit_from(record)
        for _, _, record in lost.lines(str(directory / STARTS)):
            supervisor = str(record.get("supervisor", ""))
            if supervisor != self._supervisor:
                self._starts[record["attempt"]] = (int(record.get("mark", 0)), supervisor)


def exit_from(record: dict[str, Any]) -> Exit:
    """The Exit of a record as the supervisor writes it."""
    known = {name: value for name, value in record.items() if name in _FIELDS}
    known["warnings"] = tuple(known.get("warnings", ()))
    return Exit(**known)
