"""Ends the containers that a run has left behind whose owner died: nobody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from runyard.model.errors import RunyardError, StoreError
from runyard.runners.docker.book import Book, Entry, unfinished
from runyard.runners.docker.contact import Contact
from runyard.runners.docker.ending import Unkillable, end, remove
from runyard.runners.docker.exits import exit_without
from runyard.runners.docker.mark import Mark, home_of, known_id
from runyard.runners.docker.orders import Orders
from runyard.runners.docker.reading import has_started, is_over

_POLL = 0.05
_ANSWER = 5.0


async def end_here(folder: Path, *, kill: bool = False) -> tuple[int, int, dict[str, str]]:
    """End what the run with output directory `folder` has left at daemons of this machine.

    Returns:
        Containers that were ended, those that could not be, and the addresses of daemons that
        could not be asked, each with the reason: what runs there may go on.
    """
    ended, survivors, unreached = 0, 0, dict[str, str]()
    for daemon in sorted({page.daemon for page in unfinished(folder).values() if page.daemon}):
        names = [name for name, page in unfinished(folder).items() if page.daemon == daemon]
        try:
            more, left = await end_at(daemon, folder, names, kill=kill)
        except RunyardError as error:
            unreached[daemon] = error.message
        else:
            ended, survivors = ended + more, survivors + left
    return ended, survivors, unreached


async def living(folder: Path) -> int:
    """How many containers of the run with output directory `folder` still run on this machine.

    Where a daemon cannot be asked, all that were started there count: nobody can tell.
    """
    count = 0
    for attempt, page in unfinished(folder).items():
        if page.daemon and page.base is not None:
            contact = _contact(page.daemon, folder, attempt, Orders())
            try:
                async with asyncio.timeout(_ANSWER):
                    known = await contact.look()
                count += known is not None and not is_over(known["State"])
            except (RunyardError, TimeoutError):
                count += 1
            finally:
                await contact.close()
    return count


async def end_at(
    daemon: str, folder: Path, attempts: Iterable[str], *, kill: bool = False
) -> tuple[int, int]:
    """End the containers of `attempts`, of a run with output directory `folder`, at a daemon.

    Each gets the grace that it was given, or none (`kill`). Returns as `end_here`.

    Raises:
        NetworkError, SystemFault: the daemon cannot be asked, or does not answer any more.
    """
    book = Book(folder)
    pages = book.entries()
    names = [name for name in attempts if name in pages and pages[name].exit is None]
    told = await asyncio.gather(*(_end(daemon, book, name, pages[name], kill) for name in names))
    return sum(ended for ended, _ in told), sum(survivors for _, survivors in told)


async def _end(daemon: str, book: Book, attempt: str, page: Entry, kill: bool) -> tuple[int, int]:
    """(1, 0) when it was ended, (0, 1) when it could not be, (0, 0) when there was nothing to end.

    One that has ended by itself is left as it is: it has a result, which a resume fetches.
    """
    orders = Orders()
    contact = _contact(daemon, book.folder, attempt, orders)
    try:
        known = await contact.look()
        if known is None:
            return 0, 0
        ran = has_started(known["State"])
        if ran and is_over(known["State"]):
            return 0, 0
        if ran:
            orders.give("cancel", 0.0 if kill else page.grace)
            await _stop(contact, orders)
        trouble = await remove(contact)
        if not trouble:
            with suppress(StoreError):
                book.end(attempt, exit_without(book.folder, attempt, "cancel", ""), {})
        return int(ran and not trouble), int(ran and bool(trouble))
    finally:
        await contact.close()


def _contact(daemon: str, folder: Path, attempt: str, orders: Orders) -> Contact:
    async def find() -> str:
        return daemon

    name = Mark(attempt, known_id(home_of(folder))).name
    return Contact(f"the docker daemon at {daemon}", name, orders, find)


async def _stop(contact: Contact, orders: Orders) -> None:
    """Returns when the container does not run any more, or cannot be made to. Raises HostLost."""
    ending = asyncio.ensure_future(end(contact, orders))
    try:
        while not ending.done():
            known = await contact.look()
            if known is None or is_over(known["State"]):
                return
            await asyncio.wait({ending}, timeout=_POLL)
        with suppress(Unkillable):
            ending.result()
    finally:
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
