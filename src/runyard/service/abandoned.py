"""What a run that has ended has left at other hosts: found in its journal, and ended there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runyard.engine.flying import Flights, Flying
from runyard.expr.secrets import Secrets
from runyard.hosts.ending import end_attempt
from runyard.hosts.inventory import Host, Inventory
from runyard.hosts.plain_record import PlainRecord
from runyard.hosts.site import Access, Site
from runyard.hosts.ways import Ways
from runyard.model.connector import Connector
from runyard.model.errors import RunyardError
from runyard.model.light import dataclass
from runyard.runners.docker.book import unfinished
from runyard.service.access import admitted, secrets_of_access
from runyard.service.job import Job, RunOptions
from runyard.store.home import Home
from runyard.store.journal import Journal
from runyard.store.spool import spool_name

AT_ONCE = 50
CONNECT = 20.0
"""Seconds in which a host is to be reached; what is there gets its grace on top."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of ending them.

    `unreached`: host to why what runs there may go on. `settled`: those that are over for sure.
    """

    ended: int
    survivors: int
    unreached: Mapping[str, str]
    settled: Sequence[Flying] = ()


class Elsewhere:
    """The attempts that a run has left in flight at other hosts, and the ways to them."""

    def __init__(
        self, run_id: str, job: Job, options: RunOptions, attempts: Sequence[Flying]
    ) -> None:
        self.attempts = attempts
        self._run_id = run_id
        self._job = job
        self._options = options

    @classmethod
    async def of(cls, journal: Journal, run_id: str) -> Elsewhere | None:
        """Those of a run that has ended; None when there are none.

        Raises:
            RunyardError: the workflow of then cannot be read any more (an action that is gone).
        """
        flying = await flights_of(journal, run_id)
        if not flying:
            return None
        spec = await journal.spec(run_id)
        options = RunOptions.from_dict(spec["options"])
        job = _job(spec)
        if options.local:
            job = replace(job, inventory=job.inventory.as_local())
        hosts = job.inventory.hosts
        there = [
            each
            for each in flying
            if each.become or each.host not in hosts or hosts[each.host].transport != "local"
        ]
        return cls(run_id, job, options, there) if there else None

    @classmethod
    async def count(cls, journal: Journal, run_id: str) -> int:
        """How many may still run, as far as is known here: nobody is asked.

        After a cancel that has reached every host it is none.
        """
        elsewhere = await cls.of(journal, run_id)
        return len(elsewhere.attempts) if elsewhere is not None else 0

    async def end(
        self, home: Home, epoch: int, access: Access, secrets: Secrets, *, kill: bool = False
    ) -> Ended:
        """End all of them, each with the grace of its step, or none. No host's failure is raised.

        `epoch` is the one under which the run is claimed, `access` what is said now of how hosts
        let us in.
        """
        groups: dict[tuple[str, str], list[Flying]] = {}
        for flying in self.attempts:
            groups.setdefault((flying.host, flying.become), []).append(flying)
        try:
            found = await secrets.resolve(secrets_of_access(self._job.inventory))
            options, _ = admitted(self._options.admitted_by(access), self._job, found)
        except RunyardError as error:
            return Ended(0, 0, dict.fromkeys((name for name, _ in groups), error.message))
        site, places = options.site(home, self._run_id, epoch), asyncio.Semaphore(AT_ONCE)
        ways = Ways(site)

        async def one(group: Sequence[Flying]) -> tuple[int, int, str]:
            async with places:
                return await self._end_at(group, ways, site, kill)

        told = await asyncio.gather(*(one(group) for group in groups.values()))
        unreached, settled = dict[str, str](), list[Flying]()
        for group, (_, survivors, why) in zip(groups.values(), told, strict=True):
            if why:
                unreached[group[0].host] = why
            elif not survivors:
                settled += group
        return Ended(sum(t[0] for t in told), sum(t[1] for t in told), unreached, settled)

    async def _end_at(
        self, group: Sequence[Flying], ways: Ways, site: Site, kill: bool
    ) -> tuple[int, int, str]:
        """Attempts ended at one host, processes that survived, and why it could not be done."""
        host = self._job.inventory.hosts.get(group[0].host)
        if host is None:
            return 0, 0, "it is not in the inventory of the run"
        host = self._job.inventory.with_link(host)
        graces = {each.id(site.run_id): 0.0 if kill else each.grace for each in group}
        try:
            way = ways(host, group[0].become)
        except RunyardError as error:
            return 0, 0, error.message
        contained = unfinished(site.output).keys()  # before any of them is ended
        try:
            async with asyncio.timeout(CONNECT):
                await way.connect()
                known = [name for name in graces if await way.recall(name)]
            exits = await asyncio.gather(*(end_attempt(way, n, graces[n]) for n in known))
            boxes, stuck = await _end_containers(way, site.output, graces, kill)
            others = {name: grace for name, grace in graces.items() if name not in known}
            tasks, left = await _end_tasks(host, site, others)
        except TimeoutError:
            return 0, 0, f"{host.name} did not answer within {CONNECT:g} s"
        except RunyardError as error:
            return 0, 0, error.message
        finally:
            await way.close()
        ended = [exit for exit in exits if exit is not None and exit.ended_by == "cancel"]
        survivors = sum(exit.survivors for exit in exits if exit is not None) + stuck + left
        why = _untold(host, site, others.keys() - contained)
        return len(ended) + boxes + tasks, survivors, why


async def flights_of(journal: Journal, run_id: str) -> list[Flying]:
    """The attempts of a run of which its events tell no end."""
    flights, seq = Flights(), 0
    while page := await journal.events(run_id, seq):
        for event in page:
            flights.see(event)
        seq = page[-1].seq
    return flights.all


def _untold(host: Host, site: Site, attempts: Iterable[str]) -> str:
    """Why nobody can tell whether these, which the host does not know, go on there; or empty.

    A supervisor knows whatever it has been given, so that what it does not know was never begun,
    unless we have output of it. An agent was asked in its own way.
    """
    record = PlainRecord(site.output)
    for name in attempts:
        if record.unfinished(name):
            return f"nobody at {host.name} can tell what runs there"
        spool = site.output / spool_name(name)
        if host.transport == "agent" or not spool.is_file():
            continue
        if spool.stat().st_size:
            step = name.split("/")[1]
            return f'{host.name} knows nothing any more of "{step}", which was at work there'
    return ""


async def _end_tasks(host: Host, site: Site, graces: Mapping[str, float]) -> tuple[int, int]:
    """What the host's agent does itself: tasks ended there, and what survived of them."""
    if host.transport != "agent" or not graces:
        return 0, 0
    from runyard.hosts.agent.abandoned import end_tasks

    return await end_tasks(host, site.access, graces)


async def _end_containers(
    way: Connector, output: Path, attempts: Iterable[str], kill: bool
) -> tuple[int, int]:
    """Containers ended at the host's own daemon, and those that could not be."""
    pages = unfinished(output)
    names = [name for name in attempts if name in pages and not pages[name].daemon]
    if not names:
        return 0, 0
    from runyard.runners.docker.abandoned import end_at
    from runyard.runners.docker.daemon import SOCKET

    return await end_at(f"unix://{await way.socket(SOCKET)}", output, names, kill=kill)


def _job(spec: Mapping[str, Any]) -> Job:
    """The run's work and hosts as they were recorded; of a pipeline in Python only the hosts."""
    from runyard.engine.pipeline import Pipeline
    from runyard.runners.registry import ActionRegistry
    from runyard.workflow.load import loads

    outer = Inventory.from_dict(spec["inventory"]) if spec.get("inventory") else None
    if not spec["text"]:
        return Job(Pipeline("", ()), outer or Inventory.local())
    workflow = loads(spec["text"], path=spec["path"], actions=ActionRegistry(), outer=outer)
    return replace(Job.of(workflow), base=Path(spec["base"]))
