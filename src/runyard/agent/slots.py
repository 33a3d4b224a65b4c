"""How many tasks may run at once, and which do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set

from runyard.model.errors import ConflictError


class Busy(ConflictError):
    """As many tasks run as this agent takes on."""

    code = "BUSY"
    retryable = True
    hint = "try again when one has ended; `--max-tasks` of the agent is the limit"


class Slots:
    """A place for every task and every attempt that runs; `begun` counts them.

    Of attempts whose door has left the end is not seen: they are looked up, by `alive`, when all
    places seem to be taken.
    """

    def __init__(self, limit: int, alive: Callable[[], Awaitable[Set[str]]]) -> None:
        self.begun = 0
        self._limit = limit
        self._alive = alive
        self._taken: set[str] = set()
        self._unseen: set[str] = set()

    @property
    def running(self) -> int:
        """Places that are taken; of unseen attempts some may have ended."""
        return len(self._taken) + len(self._unseen)

    async def take(self, name: str) -> None:
        """Take a place for `name`, or keep the one that it has. Raises Busy.

        Who is at work already, as an attempt that is started again by a new door, always gets in.
        """
        if name in self._taken:
            return
        if self.running >= self._limit and name not in self._unseen:
            self._unseen &= await self._alive()
            if self.running >= self._limit and name not in self._taken | self._unseen:
                raise Busy(f"the agent runs {self._limit} tasks already, its --max-tasks")
        self.keep(name)

    def keep(self, name: str) -> None:
        """`name` is at work already: it has a place, however many there are."""
        self.begun += 1
        self._unseen.discard(name)
        self._taken.add(name)

    def give_back(self, name: str) -> None:
        """`name` has ended."""
        self._taken.discard(name)
        self._unseen.discard(name)

    def lose_sight(self, names: Set[str]) -> None:
        """Nobody here sees the end of `names` any more."""
        seen = self._taken & names
        self._taken -= seen
        self._unseen |= seen

    async def look(self) -> int:
        """The number of tasks that run, counted."""
        if self._unseen:
            self._unseen &= await self._alive()
        return self.running
