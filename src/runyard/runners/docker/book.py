"""What a run's output directory knows of its containers: `containers.jsonl`, beside the spools.

Lines of one attempt, in order: `begun` before the daemon is asked for anything; `starting` before
the start, with the bytes of output that were there before the container's own; `ordered` when it
was told to end; `ended` with its exit, before it is removed. So a result survives the container,
and after any death it is known whether there has been a start.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, field
from pathlib import Path
from typing import Any

from runyard.model.execution import Exit
from runyard.model.light import dataclass
from runyard.store.faults import store_error
from runyard.supervisor import lost

FILE = "containers.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """One attempt's page.

    Attributes:
        begun: seconds since 1970 by our clock; 0.0 for one that is not in the book.
        daemon: address of its daemon; empty for that of a host elsewhere.
        grace: seconds that it gets between the polite signal and SIGKILL.
        base: bytes of each stream that were there before the container's; None before the start.
        lost: bytes of each stream that came, and that the daemon's log of it lacks.
        ordered: when it was told to end by cancellation, or 0.0.
    """

    begun: float = 0.0
    daemon: str = ""
    grace: float = 10.0
    base: Mapping[str, int] | None = None
    lost: Mapping[str, int] = field(default_factory=dict)
    ordered: float = 0.0
    exit: Exit | None = None
    data: Mapping[str, Any] | None = None


_NOTHING = Entry()


class Book:
    """The pages of all containers of one run. Reads the file anew each time: it is short."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / FILE

    def entries(self) -> dict[str, Entry]:
        """Every attempt's page, in the order in which they were begun."""
        pages: dict[str, dict[str, Any]] = {}
        for _, _, line in lost.lines(str(self._path)):
            if line["attempt"]:
                pages.setdefault(line["attempt"], {}).update(line)
        return {attempt: _entry(page) for attempt, page in pages.items()}

    def entry(self, attempt: str) -> Entry:
        """The page of `attempt`."""
        return self.entries().get(attempt, _NOTHING)

    def begin(self, attempt: str, daemon: str, grace: float) -> float:
        """It is about to be created. Returns the time. Raises StoreError."""
        now = time.time()
        self._write({"attempt": attempt, "begun": now, "daemon": daemon, "grace": grace})
        return now

    def start(self, attempt: str, base: Mapping[str, int]) -> None:
        """It is about to be started. Raises StoreError."""
        self._write({"attempt": attempt, "base": dict(base)})

    def lose(self, attempt: str, lost: Mapping[str, int]) -> None:
        """The daemon's log lacks so much of what the run's has. Raises StoreError."""
        self._write({"attempt": attempt, "lost": dict(lost)})

    def order(self, attempt: str) -> None:
        """It was told to end, and nobody wants it any more. Raises StoreError."""
        self._write({"attempt": attempt, "ordered": time.time()})

    def end(self, attempt: str, exit: Exit, data: Mapping[str, Any]) -> None:
        """It has ended: from now on the container is not needed. Raises StoreError."""
        self._write({"attempt": attempt, "exit": asdict(exit), "data": dict(data)}, sync=True)

    def swept(self, daemon: str) -> bool:
        """True when this run has looked for leftovers at `daemon` before."""
        return any(line.get("swept") == daemon for _, _, line in lost.lines(str(self._path)))

    def note_sweep(self, daemon: str) -> None:
        """It looks for them now. Raises StoreError."""
        self._write({"attempt": "", "swept": daemon})

    def _write(self, line: dict[str, Any], *, sync: bool = False) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lost.append(str(self._path), line)
            if sync:  # the container, which could tell it otherwise, will be gone for good
                fd = os.open(self._path, os.O_RDONLY)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
        except OSError as error:
            raise store_error(error, self._path) from error


def unfinished(folder: Path) -> dict[str, Entry]:
    """Attempts of the run with output directory `folder` whose containers have no known end."""
    return {name: page for name, page in Book(folder).entries().items() if page.exit is None}


def _entry(page: Mapping[str, Any]) -> Entry:
    exit = page.get("exit")
    return Entry(
        begun=float(page.get("begun", 0.0)),
        daemon=str(page.get("daemon", "")),
        grace=float(page.get("grace", 10.0)),
        base=page.get("base"),
        lost=page.get("lost", {}),
        ordered=float(page.get("ordered", 0.0)),
        exit=None if exit is None else Exit(**{**exit, "warnings": tuple(exit["warnings"])}),
        data=page.get("data"),
    )
