"""Ends what an agent does itself for a run whose owner died: nobody waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from runyard.hosts.agent import wire
from runyard.hosts.agent.pool import Pool
from runyard.hosts.agent.web import AgentWeb
from runyard.hosts.inventory import Host
from runyard.hosts.order import SLACK
from runyard.hosts.site import Access
from runyard.model.errors import SystemFault

_QUESTION = 5.0  # seconds for which the agent may wait for the end


async def end_tasks(host: Host, access: Access, attempts: Mapping[str, float]) -> tuple[int, int]:
    """End the tasks of `attempts` at the agent of `host`, each with its grace in seconds.

    Returns:
        Tasks that were ended, and what survived of them. One that has ended by itself is left as
        it is: it has a result, which a resume fetches.

    Raises:
        NetworkError, SystemFault: the agent cannot be asked, or a task goes on all the same.
    """
    async with Pool(access) as pool:
        web = AgentWeb(host.name, host.address, pool)
        told = await asyncio.gather(*(_end(web, name, grace) for name, grace in attempts.items()))
    return sum(ended for ended, _ in told), sum(survivors for _, survivors in told)


async def _end(web: AgentWeb, attempt: str, grace: float) -> tuple[int, int]:
    if not await wire.cancel(web, attempt, hurry=not grace):
        return 0, 0
    until = time.monotonic() + grace + SLACK
    while (state := await wire.status(web, attempt, wait=_QUESTION)) is not None:
        if state.ended:
            return 1, _survivors(state)
        if time.monotonic() > until:
            raise SystemFault(f"the agent of {web.host} has not ended {attempt} in time")
    return 1, 0


def _survivors(state: wire.State) -> int:
    count = (state.outcome or {}).get("survivors", 0)
    return count if isinstance(count, int) else 0
