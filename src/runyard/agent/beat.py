"""The heartbeat: when somebody asked last, and what the agent says of itself."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from runyard import __version__
from runyard.agent.settings import AgentSettings

PROTOCOL = 1


class Beat:
    """Times in answers are of the clock on the wall, in UTC; nothing is measured by them."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._last: str | None = None

    def health(self) -> dict[str, Any]:
        """That we are there."""
        return {"status": "ok", "timestamp": _now(), "last_beat": self._last}

    def beat(self, capability: list[str], present: Mapping[str, Any]) -> dict[str, Any]:
        """Somebody asks; `present` is what changes: `running`."""
        self._last = _now()
        return {
            "status": "ok",
            "last_beat": self._last,
            "timestamp": self._last,
            "capability": capability,
            "runyard": {
                "version": __version__,
                "protocol": PROTOCOL,
                "door": True,
                "platform": _platform(),
                "labels": dict(self._settings.labels),
                "limits": self._settings.bounds.to_dict(),
                **present,
            },
        }


def _platform() -> str:
    """`linux x86_64`."""
    found = os.uname()
    return f"{found.sysname.lower()} {found.machine}"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
