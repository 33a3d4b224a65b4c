"""An attempt seen through to its end, by way of a supervisor: what every connector of ours does."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from runyard.hosts.client import Client, Reply
from runyard.hosts.order import Order, ignore
from runyard.hosts.past import exit_from
from runyard.model.errors import ArgumentError, NetworkError, NotFoundError
from runyard.model.execution import Exec, Exit

MAX_STDIN = 64 << 20


class Reaching(Protocol):
    """What an attempt needs of the connector that it was given to."""

    @property
    def client(self) -> Client | None:
        """The present door, or None."""

    @property
    def closed(self) -> bool:
        """True once the connector was closed."""

    async def reach(self) -> Client:
        """A connected door. Raises NetworkError, SystemFault."""

    async def rejoin(self, order: Order) -> Client:
        """The same when an attempt may be under way: no try too few. Raises as `reach`."""

    async def early(self, work: Exec) -> Exit | None:
        """The end of `work`, if it is known without asking the supervisor. Only after `reach`."""

    def knows_early(self, work: Exec) -> bool:
        """True when `early` may know it; cheap."""

    def seen(self, work: Exec) -> bool:
        """True when it is known here that `work` was started, in this life or an earlier one."""

    def spec(self, work: Exec) -> dict[str, Any]:
        """The request that starts `work`, or attaches to it."""

    async def give_up(self, client: Client) -> None:
        """The supervisor behind `client` does not answer."""

    def ended(self, work: Exec, exit: Exit) -> Exit:
        """The exit as the caller is to see it."""


async def see_through(way: Reaching, work: Exec) -> Exit:
    """Start `work` or attach to it, and wait for its end over broken connections.

    Cancellation is passed on as an order, see `Connector.exec`. Raises NetworkError when the
    connector was closed, or the host cannot be reached any more.
    """
    if work.stdin is not None and len(work.stdin) > MAX_STDIN:
        raise ArgumentError(
            f"stdin has {len(work.stdin)} bytes; at most 64 MiB are passed",
            hint="put a file on the host and read that",
        )
    client = way.client or await way.reach()
    with Order(work, way.give_up) as order:
        if client.connected and not way.knows_early(work):
            reply = _ask(way, work, order, client)
            try:
                return way.ended(work, exit_from((await asyncio.shield(reply))[0]))
            except NotFoundError as error:
                return _unknown(order, error)
            except asyncio.CancelledError:
                reply.add_done_callback(ignore)
                order.hurry()
            except NetworkError:
                if way.closed:
                    raise
        task = asyncio.ensure_future(_follow(way, work, order))
        while True:
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                if not task.done():
                    order.hurry()
                elif task.cancelled():
                    raise
                else:  # the end came at the same moment
                    return task.result()


async def _follow(way: Reaching, work: Exec, order: Order) -> Exit:
    """Ask again and again, each time at whatever supervisor there is."""
    while True:
        client = await way.rejoin(order)
        end = await way.early(work)
        if end is not None:
            return way.ended(work, end)
        try:
            return way.ended(work, exit_from((await _ask(way, work, order, client))[0]))
        except NotFoundError as error:
            return _unknown(order, error)
        except NetworkError:
            if way.closed:
                raise


def _ask(way: Reaching, work: Exec, order: Order, client: Client) -> asyncio.Future[Reply]:
    """Start it, or attach to it where it is there already, or will never be.

    Never is when it was cancelled meanwhile. What has been there and is not known any more (a
    machine that lost its power had not written it down yet) must not be started again.
    """
    start = not (order.given or order.arrived or way.seen(work))
    spec = way.spec(work) if start else {**way.spec(work), "verb": "attach"}
    reply = client.send(spec, (work.stdin or b"") if start else b"")
    order.watch(client, start=start)
    return reply


def _unknown(order: Order, error: NotFoundError) -> Exit:
    """The end of what the supervisor was asked for and does not know."""
    if order.gave:
        raise error  # it is about something else
    if order.given and not order.arrived:
        return Exit(None, None, "cancel", error="it was cancelled before it could start")
    return Exit(None, None, "lost", error="the host knows nothing of this attempt any more")


def start_spec(work: Exec) -> dict[str, Any]:
    """The fields of `start` that do not depend on the way to the host."""
    spec: dict[str, Any] = {
        "verb": "start",
        "wait": True,
        "attempt": work.attempt,
        "argv": work.argv,
        "env": dict(work.env),
        "capture": work.capture,
        "grace": work.grace,
        "timeout": work.timeout,
        "limits": work.limits.to_dict(),
    }
    if work.cwd:
        spec["cwd"] = work.cwd
    if work.lease is not None:
        spec["lease"] = work.lease
    if work.stdin is not None:
        spec["stdin"] = True
    if work.pty is not None:
        spec["pty"] = work.pty
    if work.exports:
        spec["exports"] = True
    if work.secrets:
        spec["secrets"] = dict(work.secrets)
    if work.output_path is not None:
        spec["output_path"] = work.output_path
    return spec
