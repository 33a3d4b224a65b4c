"""What an interrupted run has left at other hosts: found in its journal, and ended there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runyard.engine.ledger import in_flight
from runyard.engine.policy import Policy
from runyard.engine.step import Step
from runyard.expr.secrets import Secrets
from runyard.hosts.inventory import Host, Inventory
from runyard.hosts.plain_record import PlainRecord
from runyard.hosts.site import Access, Site
from runyard.hosts.ways import Ways
from runyard.model.connector import Connector
from runyard.model.errors import RunyardError, SystemFault
from runyard.model.execution import Exec, Exit
from runyard.model.ids import attempt_id
from runyard.model.light import dataclass
from runyard.service.access import admitted, secrets_of_access
from runyard.service.job import Job, RunOptions
from runyard.store.home import Home
from runyard.store.journal import AttemptRow, Journal

AT_ONCE = 50
CONNECT = 20.0
"""Seconds in which a host is to be reached; what is there gets its grace on top."""


@dataclass(frozen=True, slots=True)
class Flying:
    """An attempt of which the journal knows no end, on a host that is not just this machine."""

    attempt: str
    host: Host
    become: str
    grace: float


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of ending them. `unreached`: host to why what runs there may go on."""

    ended: int
    survivors: int
    unreached: Mapping[str, str]


class Elsewhere:
    """The attempts that a run has left in flight at other hosts, and the ways to them."""

    def __init__(self, job: Job, options: RunOptions, attempts: Sequence[Flying]) -> None:
        self.attempts = attempts
        self._job = job
        self._options = options

    @classmethod
    async def of(cls, journal: Journal, run_id: str) -> Elsewhere | None:
        """Those of an interrupted run; None when there are none.

        Raises:
            RunyardError: the workflow of then cannot be read any more (an action that is gone).
        """
        rows = [row for row in await journal.attempts(run_id) if in_flight(row)]
        if not rows:
            return None
        spec = await journal.spec(run_id)
        options = RunOptions.from_dict(spec["options"])
        job = _job(spec)
        if options.local:
            job = replace(job, inventory=job.inventory.as_local())
        attempts = list(_flying(run_id, job, rows))
        return cls(job, options, attempts) if attempts else None

    @classmethod
    async def count(cls, journal: Journal, run_id: str) -> int:
        """How many may still run, as far as is known here: nobody is asked.

        After a cancel that has reached every host it is none.
        """
        seq, left = 0, True
        while page := await journal.events(run_id, seq):
            for event in page:
                if event.type == "run.swept":
                    left = bool(event.data.get("unreached"))
                elif event.type == "run.resumed":
                    left = True
            seq = page[-1].seq
        elsewhere = await cls.of(journal, run_id) if left else None
        return len(elsewhere.attempts) if elsewhere is not None else 0

    async def end(
        self, home: Home, run_id: str, epoch: int, access: Access, secrets: Secrets
    ) -> Ended:
        """End all of them, each with the grace of its step. Never raises for a host's failure.

        `epoch` is the one under which the run is claimed, `access` what is said now of how hosts
        let us in.
        """
        groups: dict[tuple[str, str], list[Flying]] = {}
        for flying in self.attempts:
            groups.setdefault((flying.host.name, flying.become), []).append(flying)
        try:
            found = await secrets.resolve(secrets_of_access(self._job.inventory))
            options, _ = admitted(self._options.admitted_by(access), self._job, found)
        except RunyardError as error:
            return Ended(0, 0, dict.fromkeys((name for name, _ in groups), error.message))
        ways, places = Ways(options.site(home, run_id, epoch)), asyncio.Semaphore(AT_ONCE)

        async def one(group: Sequence[Flying]) -> tuple[int, int, str]:
            async with places:
                return await _end_at(group, ways, options.site(home, run_id, epoch))

        told = await asyncio.gather(*(one(group) for group in groups.values()))
        unreached = {name: why for (name, _), (_, _, why) in zip(groups, told, strict=True) if why}
        return Ended(sum(t[0] for t in told), sum(t[1] for t in told), unreached)


async def _end_at(group: Sequence[Flying], ways: Ways, site: Site) -> tuple[int, int, str]:
    """Attempts ended at one host, processes that survived, and why it could not be done."""
    host = group[0].host
    try:
        way = ways(host, group[0].become)
    except RunyardError as error:
        return 0, 0, error.message
    try:
        async with asyncio.timeout(CONNECT):
            await way.connect()
            known = [each for each in group if await way.recall(each.attempt)]
        record = PlainRecord(site.output)
        blind = [each for each in group if each not in known and record.unfinished(each.attempt)]
        exits = await asyncio.gather(*(_end(way, each) for each in known))
        boxes, stuck = await _end_containers(way, site.output, group)
        others = {each.attempt: each.grace for each in group if each not in known}
        tasks, left = await _end_tasks(host, site, others)
    except TimeoutError:
        return 0, 0, f"{host.name} did not answer within {CONNECT:g} s"
    except RunyardError as error:
        return 0, 0, error.message
    finally:
        await way.close()
    why = f"nobody at {host.name} can tell what runs there" if blind else ""
    ended = [exit for exit in exits if exit.ended_by == "cancel"]
    survivors = sum(exit.survivors for exit in exits) + stuck + left
    return len(ended) + boxes + tasks, survivors, why


async def _end_tasks(host: Host, site: Site, graces: Mapping[str, float]) -> tuple[int, int]:
    """What the host's agent does itself: tasks ended there, and what survived of them."""
    if host.transport != "agent" or not graces:
        return 0, 0
    from runyard.hosts.agent.abandoned import end_tasks

    return await end_tasks(host, site.access, graces)


async def _end_containers(way: Connector, output: Path, group: Sequence[Flying]) -> tuple[int, int]:
    """Containers ended at the host's own daemon, and those that could not be."""
    from runyard.runners.docker.book import unfinished

    pages = unfinished(output)
    names = [e.attempt for e in group if e.attempt in pages and not pages[e.attempt].daemon]
    if not names:
        return 0, 0
    from runyard.runners.docker.abandoned import end_at
    from runyard.runners.docker.daemon import SOCKET

    return await end_at(f"unix://{await way.socket(SOCKET)}", output, names)


async def _end(way: Connector, flying: Flying) -> Exit:
    """How it ended: attaching to what is known, and cancelling, is an order to end."""
    work = Exec(flying.attempt, ("true",), grace=flying.grace)
    asked = asyncio.ensure_future(way.exec(work))
    await asyncio.sleep(0)
    asked.cancel()
    try:
        return await asked
    except asyncio.CancelledError:
        raise SystemFault(f"{flying.attempt}: the order could not be given") from None


def _flying(run_id: str, job: Job, rows: Iterable[AttemptRow]) -> Iterable[Flying]:
    steps = {step.key: step for step in job.pipeline.steps()}
    for row in rows:
        host = job.inventory.hosts.get(row.host)
        if host is None:
            continue
        policy = _policy(row.step, steps)
        host = job.inventory.with_link(host)
        become = host.user(policy.become)
        if host.transport != "local" or become:
            name = attempt_id(run_id, row.step, row.host, row.n)
            yield Flying(name, host, become, policy.grace)


def _policy(key: str, steps: Mapping[str, Step]) -> Policy:
    """That of a step, of its rollback or of its fallback."""
    kind, _, name = key.partition(":")
    step = steps.get(key)
    if step is None and name in steps:
        step = steps[name].undo() if kind == "rollback" else steps[name].fallback
    return step.policy if step is not None else Policy()


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
