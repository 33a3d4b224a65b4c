"""Ends an attempt that somebody else has started: whoever did is not there any more."""

from __future__ import annotations

import asyncio

from runyard.model.connector import Connector
from runyard.model.errors import SystemFault
from runyard.model.execution import Exec, Exit


async def end_attempt(way: Connector, attempt: str, grace: float) -> Exit | None:
    """How `attempt` has ended, by our order if it was still at work; None: the host knows none.

    It gets `grace` seconds between SIGTERM and SIGKILL. `way` is connected.

    Raises:
        NetworkError, SystemFault: the host cannot be asked, or the order could not be given.
    """
    if not await way.recall(attempt):
        return None
    # To attach to what is known, and to cancel that, is an order to end.
    asked = asyncio.ensure_future(way.exec(Exec(attempt, ("true",), grace=grace)))
    await asyncio.sleep(0)
    asked.cancel()
    try:
        return await asked
    except asyncio.CancelledError:
        raise SystemFault(f"{attempt}: the order to end could not be given") from None
