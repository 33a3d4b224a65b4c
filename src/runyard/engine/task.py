"""Task: steps on hosts. Hosts in parallel, the steps of one host in order."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from runyard.engine.approval import ask
from runyard.engine.crowd import Crowd
from runyard.engine.drive import drive, outcome_of
from runyard.engine.halt import Halt
from runyard.engine.policy import Approval, Fan
from runyard.engine.running import Ran, Running
from runyard.engine.step import Step
from runyard.engine.tally import (
    by_step,
    failure,
    finished_event,
    started_event,
    warning_event,
)
from runyard.expr.when import When
from runyard.hosts.inventory import Host
from runyard.model.errors import FencedError, StoreError
from runyard.model.light import dataclass
from runyard.model.result import Outcome, StepResult
from runyard.model.status import Status


@dataclass(frozen=True)
class Task:
    """Some steps for some hosts (contract 3, "Pipeline → Module → Task → Step").

    `targets` are host patterns, none is all hosts. `after` names the tasks it waits for; None is
    the one before it, `()` nothing. `approval` is asked once, before any host starts.
    """

    name: str
    steps: tuple[Step, ...]
    targets: tuple[str, ...] = ()
    fan: Fan = Fan()
    after: tuple[str, ...] | None = None
    ignore_error: bool = False
    approval: Approval | None = None
    tags: tuple[str, ...] = ()
    when: When | None = None

    def hosts(self, run: Running) -> list[Host]:
        """The hosts that it is for, in the inventory's order."""
        hosts = run.select(self.targets)
        return hosts[:1] if self.fan.run_once else hosts

    async def run(self, run: Running) -> Ran:
        """Every step on every host; results by host, then by step, in the inventory's order.

        One host's failure leaves its siblings alone unless `fail_fast`. Never raises for a
        failure of the work.

        Raises:
            StoreError, FencedError: the journal does not take what is reached.
        """
        hosts = self.hosts(run)
        if not hosts:
            return Ran(())
        for step in self.steps:
            run.ledger.tell(started_event(step, hosts, run))
        halt = Halt(run.halt)
        try:
            refused = await self._ask(hosts, run)
            crowd = Crowd(self.fan.concurrency)
            inner = run.under(halt, crowd)
            results = refused or await self._batches(hosts, inner, crowd, halt)
        finally:
            halt.close()
        reached = by_step(results)
        for step in self.steps:
            mine = reached.get(step.key, [])
            # Once more for all hosts together, to warn of values that differ between them.
            for warning in publish(step.key, mine, run):
                run.ledger.tell(warning_event(step.key, warning))
            run.ledger.tell(finished_event(step, mine, len(hosts)))
        error = failure(results, self.steps)
        return Ran(tuple(results), error, canceled=run.halt.requested)

    async def _ask(self, hosts: Sequence[Host], run: Running) -> list[StepResult]:
        """Results of every host when the answer was no; nothing when work may start."""
        if self.approval is None or run.ledger.approved(self.name):
            return []
        try:
            await ask(self.approval, self.name, run)
        except (StoreError, FencedError):
            raise
        except Exception as error:
            step = self.steps[0]
            outcome = outcome_of(error, step, "approval", run)
            results = [_unstarted(step, host, outcome) for host in hosts]
            for result in results:
                run.ledger.reach(result)
            return results
        return []

    async def _batches(
        self, hosts: Sequence[Host], run: Running, crowd: Crowd, halt: Halt
    ) -> list[StepResult]:
        fan, results, failed = self.fan, list[StepResult](), 0
        bound = fan.max_failures
        if bound is None and fan.serial:
            bound = 0

        async def one(host: Host) -> list[StepResult] | None:
            nonlocal failed
            if run.halt.requested or (bound is not None and failed > bound):
                return None
            mine = await self._host(host, run, wanted)
            if failure(mine, self.steps):
                failed += 1
                # Once: those that end because of it are failures, too, and others have their grace.
                if fan.fail_fast and not halt.requested:
                    halt.request(f"fail_fast: {host.name} failed")
            return mine

        for batch in _split(hosts, fan.serial):
            wanted = time.monotonic()
            for ended in await crowd.run(batch, one, halt):
                results.extend(ended or ())
        return results

    def _kept_from(self, host: Host, run: Running) -> Outcome | None:
        """Why the task's own condition keeps it from `host`; None when nothing does."""
        try:
            if self.when is None or self.when.evaluate(run.variables.scope(host.name)):
                return None
        except Exception as error:
            return outcome_of(error, self.steps[0], host.name, run)
        return Outcome(Status.SKIPPED, message=f"when is false: {self.when.text}")

    async def _host(self, host: Host, run: Running, wanted: float) -> list[StepResult]:
        results: list[StepResult] = []
        since: float | None = wanted
        kept = self._kept_from(host, run)
        if kept is not None:
            # All are skipped; a condition that cannot be told fails the first, as a step would.
            concerned = self.steps if kept.status is Status.SKIPPED else self.steps[:1]
            for step in concerned:
                results.append(_unstarted(step, host, kept))
                run.ledger.reach(results[-1])
            return results
        for step in self.steps:
            if run.halt.requested:
                break
            result = run.ledger.reached(step.key, host.name)
            if result is None:
                result, since = await drive(step, host, run, since), None
            results.append(result)
            publish(step.key, [result], run)
            if not result.status.is_good and not step.policy.continue_on_error:
                break
        return results


def publish(step: str, results: Sequence[StepResult], run: Running) -> list[str]:
    """Make what a step exported and set visible to the steps after it; returns warnings."""
    exports = {r.host: r.outcome.exports for r in results if r.outcome.exports}
    env = {r.host: r.outcome.env for r in results if r.outcome.env}
    warnings = run.variables.record_exports(step, exports) if exports else []
    return warnings + (run.variables.record_env(step, env) if env else [])


def _unstarted(step: Step, host: Host, outcome: Outcome) -> StepResult:
    now = time.time()
    return StepResult(step.key, host.name, outcome, 0, now, now)


def _split(hosts: Sequence[Host], serial: tuple[int | str, ...]) -> Iterator[Sequence[Host]]:
    """Batches by counts or shares of all hosts, each at least one; the last size repeats."""
    if not serial:
        yield hosts
        return
    at = batch = 0
    while at < len(hosts):
        size = serial[min(batch, len(serial) - 1)]
        if isinstance(size, str):
            size = len(hosts) * int(size.rstrip("%")) // 100
        size = max(1, size)
        yield hosts[at : at + size]
        at += size
        batch += 1
