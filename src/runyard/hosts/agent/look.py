"""Looking at an agent without giving it work: is it there, does it let us in, what does it say?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from runyard.hosts.address import without_password
from runyard.hosts.agent.address import check
from runyard.hosts.agent.greeting import Greeting, greet
from runyard.hosts.agent.pool import Pool
from runyard.hosts.agent.web import AgentWeb
from runyard.hosts.inventory import Host
from runyard.hosts.site import Access
from runyard.model.errors import InternalError, NetworkError, RunyardError, UsageError
from runyard.model.light import dataclass

OK, REFUSED, ABSENT, WRONG = "ok", "refused", "absent", "wrong"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one agent.

    Attributes:
        state: ok; refused, it is there and does not let us in; absent, nobody answers; wrong, who
            answers is no agent that we can work with.
        kind: runyard, or original; "" when it did not say.
        latency: seconds of a heartbeat over a connection that stands.
        skew: seconds that its clock is ahead of ours, to the second.
        about: what an agent of ours says of itself: `running`, `labels`, `platform`, `limits`.
    """

    host: Host
    state: str
    kind: str = ""
    version: str = ""
    latency: float | None = None
    skew: int | None = None
    capabilities: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    error: RunyardError | None = None


async def look_at(
    hosts: Sequence[Host], access: Access, *, at_once: int = 100, timeout: float = 10.0
) -> list[Seen]:
    """Ask all of them, `at_once` at a time, each for at most `timeout` seconds; in their order."""
    pool, turn = Pool(access), asyncio.Semaphore(at_once)

    async def one(host: Host) -> Seen:
        try:
            check(host)
        except UsageError as unusable:
            shown = replace(host, address=without_password(host.address))
            return Seen(shown, WRONG, error=unusable)
        web = AgentWeb(host.name, host.address, pool)
        pool.join(web)
        async with turn:
            try:
                async with asyncio.timeout(timeout):
                    return await _look(web, host)
            except TimeoutError:
                error = NetworkError(f"{host.name} did not answer within {timeout:g} s")
                return Seen(host, ABSENT, error=error)
            except RunyardError as error_:
                return Seen(host, ABSENT, error=error_)
            except Exception as defect:  # one host must not hide what the others say
                return Seen(host, WRONG, error=InternalError.of(defect, f"agent of {host.name}"))

    async with pool:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(one(host)) for host in hosts]
        return [task.result() for task in asked]


async def _look(web: AgentWeb, host: Host) -> Seen:
    try:
        _, health = await web.ask("GET", "/health", known=False)
    except NetworkError:
        raise
    except RunyardError as error:
        return Seen(host, WRONG, error=error)
    skew = _skew(health.get("timestamp"))
    begun = time.monotonic()
    try:
        greeting = await greet(web)
    except RunyardError as error:
        return Seen(host, REFUSED if error.code == "TOKEN" else WRONG, skew=skew, error=error)
    return _seen(host, greeting, time.monotonic() - begun, skew)


def _seen(host: Host, greeting: Greeting, latency: float, skew: int | None) -> Seen:
    return Seen(
        host,
        OK,
        kind="runyard" if greeting.door else "original",
        version=greeting.version,
        latency=latency,
        skew=skew,
        capabilities=tuple(sorted(greeting.capabilities)),
        about=greeting.about,
    )


def _skew(timestamp: object) -> int | None:
    """Seconds between a time as text and now; None when it cannot be read."""
    from datetime import UTC, datetime

    try:
        then = datetime.fromisoformat(str(timestamp))
    except ValueError:
        return None
    then = then if then.tzinfo is not None else then.replace(tzinfo=UTC)
    return int(then.timestamp()) - int(time.time())
