"""What is kept on disk: how much there is, and runs in which nothing has happened for long."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from runyard.agent.shelf import Shelf
from runyard.model.errors import StoreError


class SpoolFull(StoreError):
    """What is kept takes all the room that it may take."""

    code = "SPOOL_FULL"
    hint = "`--max-spool` and `--keep-for` of the agent say how much is kept, and for how long"


class Spools:
    """Looks through `runs`; output there and `idle` are of the last look."""

    def __init__(self, runs: Path, limit: int, shelf: Shelf) -> None:
        self._runs = runs
        self._limit = limit
        self._shelf = shelf
        self._marks: dict[str, tuple[tuple[int, int], float]] = {}
        self._output = 0

    @property
    def total(self) -> int:
        """Bytes of output, orders and results."""
        return self._output + self._shelf.size

    def check(self) -> None:
        """Raises SpoolFull when nothing may be started."""
        if self.total >= self._limit:
            raise SpoolFull(
                f"the agent keeps {self.total} bytes of output and results, and its --max-spool "
                f"is {self._limit}"
            )

    @property
    def full(self) -> bool:
        """True when `check` would raise."""
        return self.total >= self._limit

    def look(self) -> None:
        """Add it all up. Blocks."""
        total, marks = 0, {}
        now = time.monotonic()
        with os.scandir(self._runs) as runs:
            names = [run.name for run in runs]
        for name in names:
            size, latest = _measure(self._runs / name / "output")
            total += size
            mark, since = self._marks.get(name, ((-1, 0), now))
            marks[name] = ((size, latest), since if mark == (size, latest) else now)
        self._output, self._marks = total, marks

    def idle(self, seconds: float) -> list[str]:
        """Runs in which nothing has changed for that long, by looks of this process."""
        now = time.monotonic()
        return [name for name, (_, since) in self._marks.items() if now - since >= seconds]


def _measure(folder: Path) -> tuple[int, int]:
    """Bytes of the files, and the latest change."""
    size = latest = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                found = entry.stat()
                size += found.st_size
                latest = max(latest, found.st_mtime_ns)
    return size, latest
