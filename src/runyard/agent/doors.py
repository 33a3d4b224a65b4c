"""All doors of an agent, by run: the newest owner's are open."""

from __future__ import annotations

from runyard.agent.door import Door
from runyard.agent.fences import Fences


class Doors:
    """Lets doors in by their epoch."""

    def __init__(self, fences: Fences) -> None:
        self._fences = fences
        self._open: dict[str, set[Door]] = {}

    @property
    def count(self) -> int:
        """Doors that are open."""
        return sum(map(len, self._open.values()))

    def check(self, run: str, epoch: int) -> None:
        """Raises FencedError when a newer owner of `run` has been here."""
        self._fences.check(run, epoch)

    def enter(self, run: str, door: Door) -> None:
        """`door` opens; those of older owners close. Raises FencedError."""
        self._fences.pass_through(run, door.epoch)
        doors = self._open.setdefault(run, set())
        for other in doors:
            if other.epoch < door.epoch:
                other.fence(door.epoch)
        doors.add(door)

    def prune(self) -> None:
        """Forget the oldest epochs when there are very many. Blocks."""
        self._fences.prune()

    def leave(self, run: str, door: Door) -> None:
        """`door` has closed."""
        doors = self._open.get(run, set())
        doors.discard(door)
        if not doors:
            self._open.pop(run, None)
