"""Facts of hosts, asked for without a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path

from runyard.expr.secrets import Secrets
from runyard.hosts.fleet import Fleet
from runyard.hosts.inventory import Host, Inventory
from runyard.hosts.site import Access, Site
from runyard.hosts.ways import Ways
from runyard.model.errors import DeadlineError, InternalError, RunyardError
from runyard.model.ids import new_run_id
from runyard.model.light import dataclass
from runyard.service.access import secrets_of_access, with_agents
from runyard.store.home import Home


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What one host says about itself, or why it does not: then `facts` is empty."""

    host: Host
    facts: Mapping[str, str]
    error: RunyardError | None = None


async def ask_facts(
    home: Home,
    inventory: Inventory,
    hosts: Sequence[Host],
    access: Access = Access(),
    *,
    base: Path = Path(),
    at_once: int = 50,
    timeout: float = 30.0,
) -> AsyncGenerator[HostFacts]:
    """Ask `hosts`, at most `at_once` of them at a time, each for at most `timeout` seconds.

    Each is told as soon as it has answered. A host that cannot be asked is a result, not an
    exception; files that the inventory names are relative to `base`. Closing leaves all hosts.

    Raises:
        UsageError: variables about access cannot mean what they say, a secret is not known.
        StoreError: the state home cannot be used.
    """
    run_id = f"facts-{new_run_id()}"
    secrets = await Secrets().resolve(secrets_of_access(inventory))
    access = with_agents(access, inventory, secrets, base)
    fleet = Fleet(inventory, Ways(Site(home.prepare().root, run_id, access=access)))
    turn = asyncio.Semaphore(at_once)

    async def one(host: Host) -> HostFacts:
        async with turn:
            return await _ask(fleet, host, timeout)

    asked = [asyncio.ensure_future(one(host)) for host in hosts]
    try:
        for answer in asyncio.as_completed(asked):
            yield await answer
    finally:
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await fleet.close(done=True)
        from shutil import rmtree

        rmtree(home.run_dir(run_id), ignore_errors=True)


async def _ask(fleet: Fleet, host: Host, timeout: float) -> HostFacts:
    try:
        async with asyncio.timeout(timeout):
            connector = fleet.connector(host)
            await connector.connect()
            return HostFacts(host, dict(await connector.probe()))
    except TimeoutError:
        return HostFacts(host, {}, DeadlineError(f"no answer within {timeout:g} s"))
    except RunyardError as error:
        return HostFacts(host, {}, error)
    except Exception as error:  # One host must not hide what the others say.
        return HostFacts(host, {}, InternalError.of(error, f"facts of {host.name}"))
