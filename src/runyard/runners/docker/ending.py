"""Ending a container, and proving that it is gone."""

from __future__ import annotations

import asyncio
import math
import time

from runyard.model.errors import NetworkError, RunyardError
from runyard.runners.docker.contact import SLACK, Contact
from runyard.runners.docker.daemon import ask
from runyard.runners.docker.orders import Orders
from runyard.runners.docker.reading import is_over

PATIENCE = 10.0
"""Seconds after the first SIGKILL in which a container ends, unless the kernel holds it."""

_REMOVAL = 30.0


class Unkillable(Exception):
    """It still runs long after SIGKILL."""


async def end(contact: Contact, orders: Orders) -> None:
    """Stop the container with the grace that is ordered, then kill it; until we are cancelled.

    Who reads it sees it end: that may be after our order has come too early for one that is just
    being started, so the order is repeated.

    Raises:
        Unkillable: it outlived SIGKILL.
        HostLost: the daemon does not answer.
    """
    grace, killed, silent, pause = orders.grace, 0.0, 0.0, 0.1
    while True:
        try:
            if grace > 0:
                await _stop(contact, grace)
            else:
                killed = killed or time.monotonic()
                await _kill(contact)
            silent = 0.0
        except NetworkError as error:  # who reads the container may be making contact again
            silent = silent or time.monotonic()
            if time.monotonic() - silent > contact.patience():
                raise contact.given_up(error) from error
        except RunyardError:
            silent = 0.0  # it does not run (yet), or the daemon could not kill it
        grace = 0.0
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1.0)
        if killed and not silent and time.monotonic() - killed > PATIENCE and await _runs(contact):
            raise Unkillable


async def remove(contact: Contact) -> str:
    """Remove the container and look that it is gone; "" or why it is not. Raises nothing of ours.

    One that still runs is killed by that.
    """
    limit, trouble = time.monotonic() + _REMOVAL, ""
    while time.monotonic() < limit:
        try:
            container = await contact.container()
            await ask(container.delete(force=True, v=True), "cannot remove the container", _REMOVAL)
        except RunyardError as error:
            trouble = error.message
        try:
            if await contact.look() is None:
                return ""
        except RunyardError as error:
            return error.message
        await asyncio.sleep(0.1)
    return trouble or "it is still there"


async def _stop(contact: Contact, grace: float) -> None:
    container = await contact.container()
    seconds = math.ceil(grace)
    await ask(container.stop(t=seconds), "cannot stop the container", seconds + SLACK)


async def _kill(contact: Contact) -> None:
    container = await contact.container()
    await ask(container.kill(signal="SIGKILL"), "cannot kill the container", SLACK)


async def _runs(contact: Contact) -> bool:
    try:
        known = await contact.look()
    except RunyardError:
        return False
    return known is not None and not is_over(known["State"])
