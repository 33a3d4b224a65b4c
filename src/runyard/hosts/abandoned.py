"""Ends what a run has left behind whose owner died: nobody waits for it any more."""

from __future__ import annotations

import asyncio
from pathlib import Path

from runyard.hosts import hung, launch, order
from runyard.hosts.client import Client, Reply
from runyard.hosts.past import Past
from runyard.model.errors import NetworkError
from runyard.store.spool import spool_path
from runyard.supervisor import tree


async def end_abandoned(
    home: Path, owner: str, epoch: int, *, kill: bool = False
) -> tuple[int, int]:
    """End every attempt of the run `owner` in the state directory `home`.

    A living supervisor cancels what it has, with the grace that each attempt was given, or none
    (`kill`); what a dead one has left is found by its marks, killed and recorded as lost. No
    supervisor is started. `epoch` is the new one, under which the run is claimed.

    Returns:
        How many attempts were ended, and how many processes survived that; 0 is the promise.

    Raises:
        FencedError: a newer epoch has been here: the run has an owner.
        SystemFault: the supervisor does not answer, and cannot be killed from here.
    """
    path = launch.socket_path(home, owner)
    ended = survivors = 0
    present = ""
    client = await _join(path, owner, epoch)
    if client is not None:
        try:
            ended, survivors = await _cancel_all(client, {"grace": 0.0} if kill else {})
            present = client.incarnation
        except NetworkError:  # it died, or was killed since it was hung: all it had is lost
            ended = survivors = 0
        finally:
            await client.close()
    folder = home / "runs" / owner / "output"
    past = Past(present)
    for attempt in past.unfinished(folder):
        lost = await asyncio.to_thread(past.lose, folder, attempt, spool_path(folder, attempt))
        ended, survivors = ended + 1, survivors + lost.survivors
    return ended, survivors


async def _join(path: Path, owner: str, epoch: int) -> Client | None:
    """A door to the supervisor at `path`; None when none lives. One that is hung is killed."""
    sock = launch.reach(path)
    if sock is None:
        return None
    _, client = await asyncio.get_running_loop().create_unix_connection(Client, sock=sock)
    pid = hung.listener(sock, path)
    found = tree.look(pid) if pid else None
    try:
        await asyncio.wait_for(client.hello(owner, epoch), hung.HELLO)
    except TimeoutError:
        if found is None or not await asyncio.to_thread(hung.end, pid, found.started):
            error = hung.silent(pid, f" at {path}")
            client.abandon(error)
            raise error from None
        client.abandon(NetworkError("killed"))
        return None
    except NetworkError:
        return None
    except BaseException:
        await client.close()
        raise
    return client


async def _cancel_all(client: Client, grace: dict[str, float]) -> tuple[int, int]:
    """Attempts ended, processes that survived. Raises NetworkError when the supervisor died."""
    reply, _ = await _timely(client, client.send({"verb": "list"}))
    waits = []
    for attempt in reply["live"]:
        waits.append(client.send({"verb": "attach", "attempt": attempt, "wait": True}))
        waits[-1].add_done_callback(order.ignore)
        told = client.send({"verb": "cancel", "attempt": attempt, **grace})
        told.add_done_callback(order.ignore)
    exits = [(await _timely(client, wait))[0] for wait in waits]
    return len(exits), sum(int(exit["survivors"]) for exit in exits)


async def _timely(client: Client, reply: asyncio.Future[Reply]) -> Reply:
    """The reply, however late it comes, as long as the supervisor lives."""
    while not reply.done():
        await asyncio.wait([reply], timeout=order.SLACK)
        if not reply.done() and not await order.answers(client):
            if not await asyncio.to_thread(hung.end, client.pid, client.started):
                raise hung.silent(client.pid, ", and cannot be killed from here")
            client.abandon(NetworkError("the supervisor did not answer and was killed"))
    return await reply
