"""What people post to a run while it goes on: decisions and named events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from runyard.model.light import dataclass


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to an approval. `accepted` False is a rejection.

    `control` is the journal's id of what was asked, 0 for an answer that did not come that way.
    """

    accepted: bool
    by: str = ""
    comment: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    control: int = 0


class Mailbox:
    """Keeps what arrived, so that asking late is as good as asking early.

    A named event stays for every later asker; a decision is taken by who asks first.
    """

    def __init__(self) -> None:
        self._arrived = asyncio.Condition()
        self._events: dict[str, Mapping[str, Any]] = {}
        self._decisions: list[tuple[str, Decision]] = []

    async def post_event(self, name: str, data: Mapping[str, Any]) -> None:
        """Deliver a named event."""
        async with self._arrived:
            self._events.setdefault(name, data)
            self._arrived.notify_all()

    async def post_decision(self, step: str, decision: Decision) -> None:
        """Deliver a decision for `step`; an empty `step` answers whichever is asked next."""
        async with self._arrived:
            self._decisions.append((step, decision))
            self._arrived.notify_all()

    async def event(self, name: str) -> Mapping[str, Any]:
        """Wait for the event called `name`; returns its data."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: name in self._events)
            return self._events[name]

    async def decision(self, step: str) -> Decision:
        """Wait for a decision about `step`, and take it."""
        async with self._arrived:
            while True:
                for at, (name, decision) in enumerate(self._decisions):
                    if name in (step, ""):
                        del self._decisions[at]
                        return decision
                await self._arrived.wait()
