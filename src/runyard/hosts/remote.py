"""A host at the other end of a wire: its supervisor owns the work, we keep a copy of the output."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from runyard.hosts.client import Client, Reply
from runyard.hosts.order import Order, answers, ignore
from runyard.hosts.source import Source
from runyard.hosts.supervised import see_through, start_spec
from runyard.hosts.transfer import Reader, Sender
from runyard.model.action import Work
from runyard.model.connector import FileStat, Put
from runyard.model.errors import HostLost, NetworkError, SystemFault
from runyard.model.execution import Exec, Exit
from runyard.model.progress import Progress
from runyard.model.result import Outcome
from runyard.store.spoolcopy import SpoolCopies

BEAT = 5.0
"""Seconds between two words to the far side, which takes silence for a cut link."""

PATIENCE = 60.0
"""Seconds for which a lost host is looked for while an attempt is under way there."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
_LASTING = 1.0
"""Seconds after which a connection has been of use, whatever came through it."""

T = TypeVar("T")


class Dialer(Protocol):
    """Makes connections to the supervisor of one owner on one host."""

    async def dial(self, client: Client) -> None:
        """Connect `client`, ready for its hello. Every call is a connection of its own.

        Raises:
            NetworkError: the host cannot be reached, for now.
            SystemFault: it can, and has no supervisor for us; NoPython when for want of one.
        """

    async def perform(self, action: str, work: Work) -> Outcome | None:
        """See `Connector.perform`."""

    async def socket(self, path: str) -> str:
        """See `Connector.socket`; only asked while connected."""

    async def close(self) -> None:
        """Let go of what connections share. Idempotent."""


class RemoteConnector:
    """Implements `Connector` over a `Dialer`.

    Output comes as it is written and is kept below `folder` at the offsets of the far side; an
    exit is returned when all output before it is on disk here. A connection that breaks is made
    again and attached at the offsets reached, so that no line is lost and nothing starts twice.
    """

    def __init__(
        self, name: str, dialer: Dialer, folder: Path, run_id: str, epoch: int = 1
    ) -> None:
        self._name = name
        self._dialer = dialer
        self._run_id = run_id
        self._epoch = epoch
        self._copies = SpoolCopies(folder)
        self._client: Client | None = None
        self._joining: asyncio.Task[Client] | None = None
        self._heart: asyncio.Task[None] | None = None
        self._joined = 0.0
        self._received = 0  # bytes of output
        self._breaks = _Setbacks()
        self._closed = False
        self._arrived: set[str] = set()  # attempts that were lost, and had been given to the host
        self._under_way: set[str] = set()  # attempts whose output is awaited
        self._id = secrets.token_hex(8)  # the far side tells our connections by it, and
        self._dialed = 0  # which of them is the newest

    async def connect(self) -> None:
        await self.reach()

    async def close(self, *, done: bool = False) -> None:
        if self._closed:
            return
        self._closed = True
        if self._heart is not None:
            self._heart.cancel()
        if self._joining is not None and not self._joining.done():
            self._joining.cancel()
            await asyncio.wait([self._joining])
        client = self._client
        if client is not None:
            if done and client.connected:
                cleaned = client.send({"verb": "clean", "run": self._run_id})
                cleaned.add_done_callback(ignore)
                await asyncio.wait([cleaned], timeout=BEAT)
            await client.close()
        await self._dialer.close()
        self._copies.close()

    async def exec(self, work: Exec) -> Exit:
        self._under_way.add(work.attempt)
        try:
            end = await see_through(self, work)
            self._arrived.discard(work.attempt)
            return end
        finally:
            self._under_way.discard(work.attempt)
            self._copies.done(work.attempt)

    async def recall(self, attempt: str) -> bool:
        reply, _ = await self._ask({"verb": "list", "attempt": attempt})
        return bool(reply["live"] or reply["ended"])

    async def put(
        self,
        data: bytes | Path,
        dest: str,
        *,
        mode: int | None = None,
        owner: str | None = None,
        progress: Progress | None = None,
    ) -> Put:
        async with Source.of(data, progress) as source:
            sender = Sender(source, dest, mode, owner)
            return await self._persist(sender.run, lambda: sender.progress)

    async def get(self, src: str) -> AsyncIterator[bytes]:
        reader, setbacks = Reader(src), _Setbacks()
        client = await self._present()
        while True:
            try:
                async for part in reader.parts(client):
                    yield part
                return
            except NetworkError as error:
                client = await self._again(error, setbacks, reader.progress)

    async def stat(self, path: str, *, digest: bool = False) -> FileStat | None:
        reply, _ = await self._ask({"verb": "stat", "path": path, "digest": digest})
        return None if reply["stat"] is None else FileStat(**reply["stat"])

    async def probe(self) -> dict[str, str]:
        reply, _ = await self._ask({"verb": "probe"})
        return dict(reply["facts"])

    async def perform(self, action: str, work: Work) -> Outcome | None:
        return await self._dialer.perform(action, work)

    async def socket(self, path: str) -> str:
        await self.reach()
        return await self._dialer.socket(path)

    # -- Reaching -----------------------------------------------------------------------------

    @property
    def client(self) -> Client | None:
        return self._client

    @property
    def closed(self) -> bool:
        return self._closed

    def knows_early(self, work: Exec) -> bool:
        return False

    async def early(self, work: Exec) -> Exit | None:
        return None

    def seen(self, work: Exec) -> bool:
        return work.attempt in self._arrived or any(self._copies.offsets(work.attempt).values())

    def spec(self, work: Exec) -> dict[str, Any]:
        return {**start_spec(work), "output": self._copies.offsets(work.attempt)}

    def ended(self, work: Exec, exit: Exit) -> Exit:
        trouble = self._copies.trouble(work.attempt)
        return replace(exit, warnings=(*exit.warnings, trouble)) if trouble else exit

    async def reach(self) -> Client:
        if self._client is not None and self._client.connected:
            return self._client
        if self._closed:
            raise NetworkError(f"{self._name}: we have left it")
        if self._joining is None or self._joining.done():
            self._joining = asyncio.ensure_future(self._join())
        return await asyncio.shield(self._joining)

    async def rejoin(self, order: Order) -> Client:
        """Reach the host again, for as long as it is worth it. Raises HostLost."""
        if order.arrived:
            self._arrived.add(order.attempt)
        return await self._look_for(lambda: order.patience)

    async def give_up(self, client: Client) -> None:
        """The supervisor is silent, or the way to it is: another connection will tell."""
        client.abandon(NetworkError(f"{self._name}: the supervisor does not answer"))

    # -- inside -------------------------------------------------------------------------------

    async def _present(self) -> Client:
        """A connected client; a host that was there before is looked for."""
        return await (self.reach() if self._client is None else self._look_for(lambda: None))

    async def _look_for(self, patience: Callable[[], float | None]) -> Client:
        since, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            try:
                return await self.reach()
            except HostLost:
                raise
            except (NetworkError, SystemFault) as error:
                hurried = patience()
                waited = time.monotonic() - since
                # Refused, as by an agent that has another token by now: it stays so.
                over = self._closed or not error.retryable
                if over or (waited > PATIENCE if hurried is None else hurried <= 0):
                    raise HostLost.of(self._name, error, canceled=hurried is not None) from error
            await asyncio.sleep(min(pause, 0.5) if patience() is not None else pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _ask(self, header: dict[str, Any]) -> Reply:
        """The answer to what may be asked twice."""
        return await self._persist(lambda client: client.call(dict(header)), lambda: 0)

    async def _persist(
        self, act: Callable[[Client], Awaitable[T]], progress: Callable[[], int]
    ) -> T:
        """Do it, and again when the connection breaks. Raises NetworkError, HostLost."""
        setbacks, client = _Setbacks(), await self._present()
        while True:
            try:
                return await act(client)
            except NetworkError as error:
                client = await self._again(error, setbacks, progress())

    async def _again(self, error: NetworkError, setbacks: _Setbacks, progress: int) -> Client:
        """Another connection after `error`, unless nothing comes through any more."""
        if self._closed:
            raise error
        if setbacks.count(progress) > PATIENCE:
            raise HostLost.of(self._name, error) from error
        await asyncio.sleep(setbacks.pause)
        return await self._look_for(lambda: None)

    async def _join(self) -> Client:
        await self._pace()
        client = Client(self._output)
        self._dialed += 1
        try:
            await self._dialer.dial(client)
            await self._introduce(client)
        except TimeoutError:
            error = NetworkError(f"{self._name}: the supervisor there does not answer")
            client.abandon(error)
            raise error from None
        except BaseException:
            client.abandon(NetworkError("not connected"))
            raise
        self._client, self._joined = client, time.monotonic()
        if self._heart is None or self._heart.done():
            self._heart = asyncio.ensure_future(self._beat())
        return client

    async def _pace(self) -> None:
        """Make no connection after another that break at once and bring nothing."""
        if self._client is None or time.monotonic() - self._joined > _LASTING:
            self._breaks = _Setbacks()
        elif self._breaks.count(self._received) > PATIENCE:
            # An absence like another: an offline policy may wait for a better link.
            raise HostLost.of(self._name, NetworkError("connections break at once"))
        await asyncio.sleep(self._breaks.pause)

    async def _introduce(self, client: Client) -> None:
        """Raises TimeoutError, FencedError."""
        # What an earlier connection of ours still holds is of the past from now on.
        greeting = client.hello(self._run_id, self._epoch, connector=self._id, number=self._dialed)
        hello = asyncio.ensure_future(greeting)
        # What an earlier supervisor there has left is settled before anything starts.
        settled = asyncio.ensure_future(client.call({"verb": "recover", "run": self._run_id}))
        settled.add_done_callback(ignore)
        async with asyncio.timeout(BEAT * 3):
            await hello
        async with asyncio.timeout(PATIENCE):
            while not settled.done():  # it may take long, and the far side must hear of us
                done, _ = await asyncio.wait([settled], timeout=BEAT)
                if not done:
                    client.send({"verb": "list", "attempt": ""}).add_done_callback(ignore)
        await settled

    async def _beat(self) -> None:
        """Tell the far side that we live, and find out whether it does."""
        while True:
            await asyncio.sleep(BEAT)
            client = self._client
            if client is None or not client.connected:
                continue
            if not await answers(client, BEAT * 2):
                client.abandon(NetworkError(f"{self._name}: no answer for {BEAT * 2:g} s"))

    def _output(self, header: dict[str, Any], payload: bytes) -> None:
        """Keep it. A host has no say about attempts that were not given to it just now."""
        if header["output"] not in self._under_way:
            return
        self._received += len(payload)
        self._copies.take(
            header["output"], header["stream"], header["offset"], header["at"], payload
        )


class _Setbacks:
    """Broken connections between which nothing came through."""

    def __init__(self) -> None:
        self.pause = 0.0
        self._progress = 0
        self._since = time.monotonic()

    def count(self, progress: int) -> float:
        """One more; seconds for which there has been no progress."""
        if progress > self._progress:
            self._progress, self._since, self.pause = progress, time.monotonic(), 0.0
        else:
            self.pause = min(max(self.pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        return time.monotonic() - self._since
