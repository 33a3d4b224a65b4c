"""An attempt's container, from the request to the result: found again or made, and seen through."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from runyard.model.action import Work
from runyard.model.errors import ConflictError, HostLost, StoreError, SystemFault
from runyard.model.execution import Exit
from runyard.runners.docker.attend import attend
from runyard.runners.docker.book import Book, Entry
from runyard.runners.docker.contact import Contact
from runyard.runners.docker.daemon import SOCKET, address_here, ask
from runyard.runners.docker.ending import remove
from runyard.runners.docker.exits import exit_of, exit_without
from runyard.runners.docker.mark import Mark, home_id, home_of
from runyard.runners.docker.orders import Orders
from runyard.runners.docker.pull import provide
from runyard.runners.docker.reading import Gone, NotStarted, Reading
from runyard.runners.docker.sink import Sink, say, secrets_of
from runyard.runners.docker.spec import config
from runyard.runners.docker.sweep import sweep_once
from runyard.runners.docker.usage import Usage
from runyard.supervisor.mask import mask_all
from runyard.supervisor.output import NAMES

if TYPE_CHECKING:
    from aiodocker import Docker

_GONE = "the container is gone: somebody has removed it, and how it ended with it"
_CREATION = 600.0  # seconds: some ways of storage copy the whole image
_IN_USE = "already in use"  # what runs under that name was started before the daemon's death
_LATER = 30.0  # seconds for a creation that nobody wants any more
_NO_OUTPUT = {"stdout": 0, "stderr": 0}

Ended = tuple[Exit, Mapping[str, Any]]
"""An exit, and what else is known of the container: `image` and `container`; {} if it never ran."""


class _Ordered(Exception):
    """It is to end before it has begun."""


class Life:
    """One attempt's container in this life of the run.

    With a book (see there) a later life takes it up where this one has left it; without one, as
    for `runyard exec`, nobody does. `run` once; `cancel` at any time.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._orders = Orders()
        self._secrets = secrets_of(work)
        self._usage = Usage(work.limits.cpu_time, self._orders)
        self._folder = work.output.folder if work.output is not None else None
        self._book = Book(self._folder) if self._folder is not None else None
        self._page = self._book.entry(work.attempt) if self._book is not None else Entry()
        self._base = self._page.base
        self._lost = {**_NO_OUTPUT, **self._page.lost}
        self._asked = self._page.begun > 0  # for a container, by this life or an earlier one
        self._canceled = False

    def cancel(self) -> None:
        """Have it ended with the grace; the second time, without."""
        if self._book is not None and self._page.exit is None:
            with suppress(StoreError):
                self._book.order(self._work.attempt)
        self._orders.give("cancel", 0.0 if self._canceled else self._work.grace)
        self._canceled = True

    async def run(self) -> Ended:
        """See it through, over broken connections.

        Raises:
            ArgumentError, SystemFault, NetworkError: it could not be started; see the code.
            HostLost: contact with a container that may run was lost for too long.
        """
        work, page = self._work, self._page
        daemon = page.daemon if page.begun else await self._daemon()
        with _recorded():
            home = home_id(home_of(self._folder)) if self._folder is not None else ""
            began = page.begun or self._begin(daemon)
        deadline = None if work.timeout is None else began + work.timeout
        mark = Mark(work.attempt, home, deadline)
        contact = Contact(work.host, mark.name, self._orders, partial(self._find, daemon))
        timer = None
        try:
            if page.exit is not None:  # it is here only if that life died before it was removed
                await remove(contact)
                return page.exit, page.data or {}
            if work.timeout is not None:
                # Should the clock be set back meanwhile, nobody waits longer than was asked for.
                left = min(began + work.timeout - time.time(), work.timeout)
                order = partial(self._orders.give, "timeout", work.grace)
                timer = asyncio.get_running_loop().call_later(max(0.0, left), order)
            return await self._see(contact, mark, daemon)
        finally:
            if timer is not None:
                timer.cancel()
            await contact.close()

    # -- inside -------------------------------------------------------------------------------

    async def _daemon(self) -> str:
        """The daemon's address on this machine; "" for a host elsewhere, asked at each contact."""
        here = await self._work.connector.socket(SOCKET) == SOCKET
        return address_here(os.environ) if here else ""

    async def _find(self, daemon: str) -> str:
        return daemon or f"unix://{await self._work.connector.socket(SOCKET)}"

    def _begin(self, daemon: str) -> float:
        if self._book is None:
            return time.time()
        return self._book.begin(self._work.attempt, daemon, self._work.grace)

    async def _see(self, contact: Contact, mark: Mark, daemon: str) -> Ended:
        if self._base is None:
            try:
                await self._unless_ordered(self._make(contact, mark, daemon))
            except _Ordered:
                return await self._finish(contact, Exit(None, None, self._orders.why), {})
        try:
            exit, image = await self._attend(contact)
        except Gone:
            lost = exit_without(self._folder, self._work.attempt, "lost", _GONE)
            return await self._finish(contact, lost, {})
        except NotStarted as error:
            if _IN_USE in error.fault.message:
                raise HostLost(
                    f"{contact.name} may run, and its daemon does not know: {error.fault.message}",
                    hint=f"the daemon was killed as it started it; `docker rm -f {contact.name}` "
                    "ends it, then resume",
                ) from None
            await remove(contact)
            raise error.fault from None
        ran = exit.exit_code is not None
        data = {"container": mark.name, "image": image} if ran else {}
        return await self._finish(contact, exit, data)

    async def _make(self, contact: Contact, mark: Mark, daemon: str) -> None:
        """Have the container created, by this life or an earlier one, but not yet started."""
        work = self._work
        wanted = config(work, mark)
        docker = await contact.docker()
        if self._book is not None:
            await sweep_once(docker, self._book, daemon or work.host)
        known = await contact.look() if self._page.begun else None
        if known is None:
            tell = partial(say, work, self._secrets)
            await provide(docker, work.args["image"], work.args["pull"], tell)
            try:
                await self._create(docker, wanted, mark.name)
            except ConflictError:
                known = await contact.look()
                if known is None:
                    raise
        if known is not None and not mark.is_on(known["Config"]["Labels"]):
            raise ConflictError(f"a container of somebody else is named {mark.name}")
        try:
            with _recorded():
                base = dict(work.output.offsets()) if work.output is not None else _NO_OUTPUT
                if self._book is not None:
                    self._book.start(work.attempt, base)
        except SystemFault:
            await remove(contact)
            raise
        self._base = base

    async def _create(self, docker: Docker, wanted: dict[str, Any], name: str) -> None:
        """Create it; when we are cancelled meanwhile it is there, or is not, when we leave."""
        self._asked = True
        make = docker.containers.create(wanted, name=name)
        making = asyncio.ensure_future(ask(make, "cannot create the container", _CREATION))
        try:
            await asyncio.shield(making)
        except asyncio.CancelledError:
            await asyncio.wait({making}, timeout=_LATER)
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)
            raise

    async def _attend(self, contact: Contact) -> tuple[Exit, str]:
        """See the container through; its end and its image."""
        reading = Reading(contact, self._orders, self._usage, self._sink, self._lose)
        known, survivors = await attend(contact, self._orders, reading)
        exit = exit_of(
            known["State"],
            reading.sink,
            self._usage,
            ordered=self._orders.why,
            missed=reading.missed,
            survivors=survivors,
        )
        return exit, str(known.get("Image", ""))

    async def _finish(self, contact: Contact, exit: Exit, data: Mapping[str, Any]) -> Ended:
        """Write the end down; only then is the container not needed any more, and removed."""
        trouble = ""
        if self._book is not None:
            try:
                self._book.end(self._work.attempt, exit, data)
            except StoreError as error:
                trouble = f"is kept, as its end could not be recorded: {error.message}"
        if not trouble and self._asked and (why := await remove(contact)):
            trouble = f"could not be removed: {why}; `docker rm -f {contact.name}` does"
        if trouble:
            warning = f"the container {contact.name} {trouble}"
            exit = replace(exit, warnings=(*exit.warnings, warning))
        return exit, data

    def _sink(self) -> Sink:
        """A fresh one, that knows what the run's log has already of the daemon's."""
        base = self._base or _NO_OUTPUT
        there = self._work.output.offsets() if self._work.output is not None else base
        kept = {n: there[name] - base[name] - self._lost[name] for n, name in NAMES.items()}
        return Sink(self._work, self._secrets, kept)

    def _lose(self, number: int, data: bytes) -> None:
        masked = mask_all(self._secrets.needles, data) if self._secrets is not None else data
        self._lost[NAMES[number]] += len(masked)
        if self._book is not None:
            with suppress(StoreError):
                self._book.lose(self._work.attempt, self._lost)

    async def _unless_ordered(self, act: Coroutine[Any, Any, None]) -> None:
        """`act`, unless an order comes before it is done."""
        doing, order = asyncio.ensure_future(act), asyncio.ensure_future(self._orders.next())
        await asyncio.wait({doing, order}, return_when=asyncio.FIRST_COMPLETED)
        order.cancel()
        if doing.done():
            return doing.result()
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        raise _Ordered


@contextmanager
def _recorded() -> Iterator[None]:
    """What cannot be written down is not started."""
    try:
        yield
    except StoreError as error:
        raise SystemFault(
            f"not started, as that could not be recorded: {error.message}",
            code="NOT_STARTED",
            hint=error.hint,
        ) from error
