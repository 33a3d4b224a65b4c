"""The highest epoch of every run that has come to a door of this agent."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from runyard.model.errors import FencedError

_REMEMBERED = 4096
_FILED = 20_000


class Fences:
    """Lets an owner in who is as new as any that came before; survives the agent's death."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._highest: dict[str, int] = {}

    def check(self, run: str, epoch: int) -> None:
        """Raises FencedError when a newer owner of `run` has been here."""
        highest = self._known(run)
        if epoch < highest:
            raise FencedError(f"epoch {highest} of run {run} has come to this agent since")

    def pass_through(self, run: str, epoch: int) -> None:
        """The owner of `run` with `epoch` comes in. Raises as `check`."""
        self.check(run, epoch)
        if epoch > self._known(run):
            self._remember(run, epoch)
            # A fence that cannot be written still stands in this life.
            with suppress(OSError):
                self._write(run, epoch)

    def _known(self, run: str) -> int:
        known = self._highest.get(run)
        if known is None:
            known = self._read(run)
            self._remember(run, known)
        return known

    def _remember(self, run: str, epoch: int) -> None:
        if len(self._highest) >= _REMEMBERED:
            self._highest.pop(next(iter(self._highest)))
        self._highest[run] = epoch

    def _read(self, run: str) -> int:
        try:
            return int((self._folder / run).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def _write(self, run: str, epoch: int) -> None:
        # Renamed, not synced: what a power cut takes away here, it has taken from the owners, too.
        temporary = self._folder / f".{run}"
        temporary.write_text(f"{epoch}\n", encoding="ascii")
        temporary.replace(self._folder / run)

    def prune(self) -> None:
        """Forget the oldest when there are very many. Blocks."""
        with os.scandir(self._folder) as entries:
            found = [(entry.stat().st_mtime, entry.path) for entry in entries if entry.is_file()]
        for _, path in sorted(found)[: max(0, len(found) - _FILED)]:
            with suppress(OSError):
                os.unlink(path)
