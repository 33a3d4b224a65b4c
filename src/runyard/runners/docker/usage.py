"""What a container uses: CPU time and memory, as the daemon measures them once a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runyard.runners.docker.orders import Orders
from runyard.runners.docker.streams import measured

if TYPE_CHECKING:
    from aiodocker.containers import DockerContainer

GRACE = 2.0
"""Seconds that a container gets which has used up its CPU time."""


class Usage:
    """CPU seconds and the most bytes so far; of one that ended within a second nothing is known."""

    def __init__(self, cpu_time: float | None, orders: Orders) -> None:
        self.cpu = 0.0
        self.memory = 0
        self._cpu_time = cpu_time
        self._orders = orders

    async def watch(self, container: DockerContainer) -> None:
        """Measure until the container has ended or contact is lost; hold it to its CPU time."""
        from aiodocker.exceptions import DockerError
        from aiohttp import ClientError

        try:
            async for sample in measured(container):
                self.take(sample)
                if self._cpu_time is not None and self.cpu > self._cpu_time:
                    self._orders.give("limit:cpu_time", GRACE)
        except (DockerError, ClientError, OSError, ValueError):
            return

    def take(self, sample: dict[str, Any]) -> None:
        """One message of the daemon; fields that it does not have are not there."""
        used = ((sample.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage") or 0
        self.cpu = max(self.cpu, used / 1e9)
        memory = sample.get("memory_stats") or {}
        self.memory = max(self.memory, int(memory.get("max_usage") or memory.get("usage") or 0))
