"""A run in memory: a journal, hosts that do nothing by themselves, and scriptable steps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from runyard.engine.context import Context
from runyard.engine.halt import Halt
from runyard.engine.ledger import Ledger
from runyard.engine.mailbox import Mailbox
from runyard.engine.policy import Offline, Policy
from runyard.engine.running import Running
from runyard.engine.step import Step
from runyard.expr.variables import Variables
from runyard.hosts.fleet import Fleet
from runyard.hosts.inventory import Host, Inventory
from runyard.model.errors import NetworkError
from runyard.model.event import NewEvent
from runyard.model.result import Outcome, StepResult
from runyard.model.run import RunRecord
from runyard.model.status import Status
from runyard.store.home import Home
from runyard.store.journal import AttemptRow
from runyard.store.output import OutputStore
from runyard.store.sqlite import SqliteJournal

RUN = "run-00000001"
Does = Callable[[Context], Any]


class Way:
    """A connector that is there, or is not for the first `absent` times."""

    def __init__(self, host: str, absent: int = 0) -> None:
        self.host = host
        self.absent = absent
        self.known: set[str] = set()

    async def connect(self) -> None:
        if self.absent > 0:
            self.absent -= 1
            raise NetworkError(f"{self.host} is not there")

    async def recall(self, attempt: str) -> bool:
        return attempt in self.known

    async def probe(self) -> dict[str, str]:
        return {"os": "linux", "hostname": self.host}

    async def perform(self, action: str, work: object) -> None:
        return None

    async def close(self, *, done: bool = False) -> None:
        return None


class Do(Step):
    """A step whose work is a function: it returns an Outcome, or raises."""

    def __init__(
        self,
        name: str,
        does: Does | None = None,
        *,
        policy: Policy | None = None,
        check: Does | None = None,
        checks_at_host: bool = False,
        repeatable: bool = True,
        fallback: Step | None = None,
        undo: Step | None = None,
    ) -> None:
        self._name = name
        self._does = does or (lambda ctx: Outcome(Status.SUCCESS, changed=True))
        self._check = check
        self._checks_at_host = checks_at_host
        self._repeatable = repeatable
        self._undo = undo
        self.policy = policy or Policy()
        self.fallback = fallback
        self.calls: list[tuple[str, int]] = []

    @property
    def name(self) -> str:
        return self._name

    @property
    def repeatable(self) -> bool:
        return self._repeatable

    @property
    def checks_at_host(self) -> bool:
        return self._checks_at_host

    def undo(self) -> Step | None:
        return self._undo

    async def check(self, ctx: Context) -> bool:
        return bool(self._check and self._check(ctx))

    async def run(self, ctx: Context) -> StepResult:
        self.calls.append((ctx.host.name, ctx.attempt))
        started = time.time()
        made = self._does(ctx)
        if asyncio.iscoroutine(made):
            made = await made
        return self.result(ctx, made, started)


def ok(**more: Any) -> Outcome:
    return Outcome(Status.SUCCESS, **more)


def bad(message: str = "exit code 1", **more: Any) -> Outcome:
    error = {"code": "EXECUTION", "class": "execution", "retryable": True, "message": message}
    return Outcome(Status.FAILED, exit_code=1, message=message, error=error, **more)


class Bench:
    """One run over `hosts`, with its journal to look at afterwards."""

    def __init__(self, journal: SqliteJournal, tmp: Path, hosts: Sequence[str]) -> None:
        self.journal = journal
        self.inventory = Inventory.of([Host(name) for name in hosts])
        self.ways = {name: Way(name) for name in hosts}
        self.home = Home(tmp).prepare()
        self.kill = Halt()
        self.halt = Halt(self.kill)
        self.mailbox = Mailbox()
        self.epoch = 1

    def running(
        self,
        past: Sequence[AttemptRow] = (),
        *,
        offline: Offline | None = None,
        cli: dict[str, Any] | None = None,
        limit: tuple[str, ...] = (),
        approve_all: bool = False,
    ) -> Running:
        self.run = Running(
            run_id=RUN,
            fleet=Fleet(self.inventory, lambda h, b: self.ways[h.name], limit),  # type: ignore[arg-type,return-value]
            variables=Variables(self.inventory, cli=cli),
            ledger=Ledger(self.journal, RUN, self.epoch, past),
            halt=self.halt,
            kill=self.kill,
            mailbox=self.mailbox,
            output=OutputStore(self.home),
            base=Path(),
            offline=offline or Offline(),
            approve_all=approve_all,
        )
        return self.run

    async def end(self, status: str) -> None:
        """Write the run's last event, as its owner would."""
        await self.run.ledger.record(NewEvent("run.finished", data={"status": status}))

    async def settle(self) -> None:
        """Wait until all that was reached is in the journal."""
        await asyncio.sleep(0)
        await self.run.ledger.record()

    async def types(self) -> list[str]:
        return [event.type for event in await self.journal.events(RUN)]

    async def past(self) -> list[AttemptRow]:
        """What a resume sees: the run was interrupted, and is claimed again."""
        self.epoch = await self.journal.claim(RUN)
        return await self.journal.attempts(RUN)


def bench(
    tmp: Path, scenario: Callable[[Bench], Coroutine[Any, Any, None]], hosts: Sequence[str] = ("a",)
) -> None:
    """Run `scenario` on a fresh Bench."""

    async def main() -> None:
        journal = SqliteJournal(None)
        try:
            await journal.create(RunRecord(RUN, "test", status=Status.RUNNING), {}, owner="")
            await scenario(Bench(journal, tmp, hosts))
        finally:
            await journal.close()

    asyncio.run(main())
