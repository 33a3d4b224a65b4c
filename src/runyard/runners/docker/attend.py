"""Seeing a container to its end: who reads it, who ends it, and who doubts that news still come."""

from __future__ import annotations

import asyncio
from typing import Any

from runyard.model.errors import NetworkError, SystemFault
from runyard.runners.docker.contact import Contact
from runyard.runners.docker.ending import Unkillable, end, remove
from runyard.runners.docker.orders import Orders
from runyard.runners.docker.reading import DRAIN, Reading, has_started, is_over

BEAT = 15.0
"""Seconds between two looks at a container that is being read: a dead connection is silent."""

_SOON = 1.0


async def attend(contact: Contact, orders: Orders, reading: Reading) -> tuple[dict[str, Any], int]:
    """Start and read the container, and end it when that is ordered.

    Returns:
        What the daemon knows of it in the end, and how many containers could not be ended.

    Raises:
        Gone, NotStarted, HostLost, SystemFault: see `Reading.to_the_end` and `end`.
    """
    read = asyncio.ensure_future(reading.to_the_end())
    doubt = asyncio.ensure_future(_silent(contact, orders))
    ending: asyncio.Task[None] | None = None
    try:
        while True:
            order = asyncio.ensure_future(orders.next())
            waited = {read, doubt, order, *([ending] if ending is not None else [])}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not order.cancel():
                await _drop(ending)
                ending = asyncio.ensure_future(end(contact, orders))
            if read.done():
                return read.result(), 0
            if ending is not None and ending.done():
                ending.result()
            if doubt.done():
                doubt.result()
                await _drop(read)
                contact.lost()
                read = asyncio.ensure_future(reading.to_the_end())
                doubt = asyncio.ensure_future(_silent(contact, orders))
    except Unkillable:
        known = await contact.look()
        return known or {"State": {}}, 1 if await remove(contact) else 0
    finally:
        await _drop(read, doubt, ending)


async def _silent(contact: Contact, orders: Orders) -> None:
    """Returns when the container must have ended and its reader has not noticed, or cannot."""
    while True:
        await asyncio.sleep(_SOON if orders.why else BEAT)
        try:
            known = await contact.look()
        except (NetworkError, SystemFault):
            return
        if known is None or (has_started(known["State"]) and is_over(known["State"])):
            await asyncio.sleep(DRAIN)
            return


async def _drop(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel those that are not done, and wait for that."""
    given = [task for task in tasks if task is not None]
    for task in given:
        task.cancel()
    await asyncio.gather(*given, return_exceptions=True)
