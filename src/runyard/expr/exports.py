"""Values that steps produced: each host's own, and the run's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from runyard.model.light import dataclass


@dataclass(slots=True)
class Origin:
    """Where a run-level value comes from; `place` orders origins: (step, host)."""

    value: Any
    place: tuple[int, int]
    step: str
    host: str


@dataclass(slots=True)
class Layer:
    """One layer of produced values.

    The run's value of a name is that of the last step in order and, within a step, of the last
    host in the inventory's order: it does not depend on who was faster.
    """

    own: dict[str, dict[str, Any]] = field(default_factory=dict)
    run: dict[str, Origin] = field(default_factory=dict)

    def put(self, host: str, name: str, origin: Origin) -> str | None:
        """Take over one value; returns the other host when its value in this step differs."""
        self.own.setdefault(host, {})[name] = origin.value
        before = self.run.get(name)
        if before is None or origin.place >= before.place:
            self.run[name] = origin
        if before is None or before.step != origin.step or before.host == host:
            return None
        return before.host if before.value != origin.value else None

    def merge_into(self, found: dict[str, Any], host: str) -> None:
        """Put the run's values over `found`, then the host's own."""
        for name, origin in self.run.items():
            found[name] = origin.value
        if host in self.own:
            found.update(self.own[host])

    def snapshot(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {
            "own": {host: dict(values) for host, values in self.own.items()},
            "run": {n: [o.value, list(o.place), o.step, o.host] for n, o in self.run.items()},
        }

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> Layer:
        """The layer that `snapshot` described."""
        return cls(
            {host: dict(values) for host, values in data["own"].items()},
            {
                name: Origin(value, (place[0], place[1]), step, host)
                for name, (value, place, step, host) in data["run"].items()
            },
        )
