"""What callers do with runs: start, watch, cancel, approve, resume, roll back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

from runyard.engine.flying import Flights
from runyard.engine.ledger import Ledger
from runyard.engine.plan import Plan, make_plan
from runyard.engine.policy import Offline
from runyard.expr.secrets import Secrets
from runyard.hosts.local import here
from runyard.hosts.site import Access
from runyard.hosts.ways import Ways
from runyard.model.errors import ConflictError
from runyard.model.event import NewEvent
from runyard.model.ids import check_run_id, new_run_id
from runyard.model.progress import Progress
from runyard.model.run import Notifier, RunFilter, RunRecord, RunStore
from runyard.model.status import Status
from runyard.service.access import admitted
from runyard.service.assemble import assemble
from runyard.service.desk import DIED, Desk
from runyard.service.job import Job, RunOptions
from runyard.service.mirror import Mirror
from runyard.service.notices import DELAY, RETRY, Courier
from runyard.service.plan_key import plan_key
from runyard.service.run_task import RunTask, Signals
from runyard.service.started import Started
from runyard.service.undo import undo_name, undoing
from runyard.store.home import Home, Ownership
from runyard.store.journal import AttemptRow, Journal
from runyard.store.sqlite import SqliteJournal

_AS_BEFORE = Access()


class PlanDrift(ConflictError):
    """The plan that was accepted is no longer what would happen."""

    code = "PLAN_DRIFT"
    exit_code = 6
    hint = "look at the differences, then make and accept a new plan"


class Runs(Desk):
    """The runs of one state home; an async context manager.

    Opening it marks runs whose owner died as interrupted; `interrupted` names them.
    """

    def __init__(
        self,
        home: Home,
        journal: Journal,
        *,
        notifier: Notifier | None = None,
        run_store: RunStore | None = None,
        notify_retry: int = RETRY,
        notify_delay: float = DELAY,
        secrets: Secrets | None = None,
    ) -> None:
        super().__init__(home, journal, secrets)
        self.interrupted: list[str] = []
        self._notifier = notifier
        self._run_store = run_store
        self._retry = notify_retry
        self._delay = notify_delay

    @classmethod
    def open(cls, home: Home | None = None, **options: Any) -> Runs:
        """The runs at `home` (default: the user's); `options` are the constructor's.

        Raises:
            StoreError: the state home cannot be used.
        """
        home = (home or Home.default()).prepare()
        return cls(home, SqliteJournal(home), **options)

    async def __aenter__(self) -> Runs:
        self.interrupted = await self.journal.interrupt_unowned(DIED)
        if self._run_store is not None and self.interrupted:
            await self._run_store.mark_interrupted_running(DIED)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the journal. Runs that go on in this process must have ended."""
        self.output.close()
        await self.journal.close()

    # -- starting

    async def start(
        self,
        job: Job,
        options: RunOptions,
        *,
        plan: Plan | None = None,
        past: Sequence[AttemptRow] = (),
        undoes: str = "",
    ) -> Started:
        """Write the run down and start it here. With `plan`, only if it still holds.

        The exports of the attempts in `past` are there from the beginning. `undoes` names the run
        that this one rolls back.

        Raises:
            ConflictError: RUN_EXISTS; PLAN_DRIFT, with what differs.
            UsageError: a bad run id, host pattern or tag; a secret is not known.
        """
        options = replace(options, cwd=options.cwd or here())
        secrets = await self._secrets.resolve(job.secrets)
        narrowed = job.under(options)
        options, secrets = admitted(options, narrowed, secrets)
        if plan is not None:
            await self._hold(plan, job, options)
        run_id = check_run_id(options.run_id) if options.run_id else new_run_id()
        ownership = self.home.own(run_id)
        try:
            record = RunRecord(run_id, narrowed.pipeline.name, job.version, Status.QUEUED)
            outer = job.outer if job.text else job.inventory
            spec = {
                "digest": job.digest,
                "path": job.path,
                "base": str(job.base),
                "text": job.text,
                "options": options.to_dict(),
                "undoes": undoes,
                "inventory": outer.to_dict() if outer is not None else None,
            }
            begin = [NewEvent("run.queued"), NewEvent("run.started")]
            if plan is not None:
                begin.append(NewEvent("plan.accepted", data={"digest": plan.digest}))
            epoch = await self.journal.create(record, spec, begin)
            ledger = Ledger(self.journal, run_id, epoch)
            if job.manual and plan is None:
                narrowed = narrowed.asking_first()
            return self._launch(narrowed, options, ledger, ownership, secrets, past)
        except BaseException:
            ownership.close()
            raise

    async def resume(
        self,
        run_id: str,
        job: Job,
        *,
        force: bool = False,
        access: Access = _AS_BEFORE,
        offline: Offline | None = None,
    ) -> Started:
        """Go on with an interrupted, failed or canceled run from what is not done.

        `access` is what is said now of how hosts let us in; tokens were not written down.
        `offline`, for this time, as of `RunOptions`; None is as before.

        Raises:
            ConflictError: it succeeded, somebody runs it, or (without `force`) the workflow is
                another one by now (RUN_CHANGED), or the run was rolled back (RUN_UNDONE).
        """
        spec = await self.journal.spec(run_id)
        if spec["digest"] != job.digest and not force:
            raise ConflictError(
                f"the workflow of run {run_id} has changed since",
                code="RUN_CHANGED",
                hint="look at the changes, then resume with --force",
            )
        options = RunOptions.from_dict(spec["options"]).admitted_by(access)
        options = replace(options, offline=offline or options.offline)
        if undoes := spec.get("undoes", ""):
            job, past = await self._undo(undoes, job, but=run_id)
            return await self._take_over(run_id, job.under(options), options, past, undoes=True)
        if not force:
            await self._refuse_if_undone(run_id)
        return await self._take_over(run_id, job.under(options), options)

    async def rollback(self, run_id: str, job: Job, *, access: Access = _AS_BEFORE) -> Started:
        """Undo what a run that has ended changed, newest first, as a run of its own.

        What an earlier rollback of it undid is not undone again. `access`: as of `resume`.

        Raises:
            ConflictError: RUN_ACTIVE; NOTHING_TO_UNDO; RUN_UNDONE.
        """
        if not (await self.journal.get(run_id, outputs=False)).status.is_final:
            raise ConflictError(
                f"run {run_id} has not ended",
                code="RUN_ACTIVE",
                hint=f"wait for it, or stop it with `runyard cancel {run_id}`",
            )
        await self._refuse_if_undone(run_id)
        options = RunOptions.from_dict((await self.journal.spec(run_id))["options"])
        job, past = await self._undo(run_id, job)
        options = replace(options, tags=(), run_id=None).admitted_by(access)
        return await self.start(job, options, past=past, undoes=run_id)

    async def _undo(self, run_id: str, job: Job, *, but: str = "") -> tuple[Job, list[AttemptRow]]:
        """The job that undoes a run, and what that run and its rollbacks (save `but`) did."""
        past = await self.journal.attempts(run_id)
        options = RunOptions.from_dict((await self.journal.spec(run_id))["options"])
        for record in await self._rollbacks(run_id):
            if record.run_id != but:
                past += await self.journal.attempts(record.run_id)
        pipeline = undoing(run_id, job.under(options).pipeline, past)
        return replace(job, pipeline=pipeline, manual=False), past

    async def _rollbacks(self, run_id: str) -> list[RunRecord]:
        """Runs that were to undo `run_id`, the first one first."""
        name = undo_name((await self.journal.get(run_id, outputs=False)).workflow_name)
        records = await self.journal.list(RunFilter(workflow_name=name, limit=1000))
        specs = [(record, await self.journal.spec(record.run_id)) for record in reversed(records)]
        return [record for record, spec in specs if spec.get("undoes") == run_id]

    async def _refuse_if_undone(self, run_id: str) -> None:
        """What was rolled back is neither done nor to be undone once more."""
        for record in await self._rollbacks(run_id):
            if record.status is Status.SUCCESS:
                raise ConflictError(
                    f"run {run_id} was rolled back by run {record.run_id}",
                    code="RUN_UNDONE",
                    hint="start the workflow anew",
                )

    async def _take_over(
        self,
        run_id: str,
        job: Job,
        options: RunOptions,
        past: Sequence[AttemptRow] = (),
        *,
        undoes: bool = False,
    ) -> Started:
        secrets = await self._secrets.resolve(job.secrets)
        options, secrets = admitted(options, job, secrets)
        ownership = self.home.own(run_id)
        try:
            epoch = await self.journal.claim(run_id)
            rows = await self.journal.attempts(run_id)
            approved, flights = list[str](), Flights()
            async for event in self._all_events(run_id):
                flights.see(event)
                if event.type == "approval.decided" and event.data["decision"] == "approved":
                    approved.append(event.step)
            checks = [flying for flying in flights.all if flying.check]
            ledger = Ledger(self.journal, run_id, epoch, rows, approved, checks, undoes=undoes)
            return self._launch(job, options, ledger, ownership, secrets, [*past, *rows])
        except BaseException:
            ownership.close()
            raise

    def _launch(
        self,
        job: Job,
        options: RunOptions,
        ledger: Ledger,
        ownership: Ownership,
        secrets: Mapping[str, str],
        past: Sequence[AttemptRow],
    ) -> Started:
        signals = Signals.new()
        opener = Ways(options.site(self.home, ledger.run_id, ledger.epoch))
        running = assemble(job, options, ledger, self.home, signals, opener, secrets, past)
        task = RunTask(self.journal, ownership, running, signals, job.pipeline)
        started = Started(task, signals, ledger.epoch)
        if self._run_store is not None:
            mirror = Mirror(self._run_store, self.journal)
            started.add_reader(asyncio.ensure_future(mirror.follow(ledger.run_id)))
        if self._notifier is not None:
            courier = Courier(self._notifier, self.journal, retry=self._retry, delay=self._delay)
            follow = courier.follow(ledger.run_id, ledger.epoch)
            started.add_reader(asyncio.ensure_future(follow))
        return started

    # -- planning

    async def plan(
        self,
        job: Job,
        options: RunOptions,
        *,
        checks: bool = True,
        progress: Progress | None = None,
    ) -> Plan:
        """What `start` would do now; nothing is changed, only check commands are executed.

        `progress` counts decisions, and tells which hosts are waited for.
        """
        secrets = await self._secrets.resolve(job.secrets)
        job = job.under(options)
        options, secrets = admitted(options, job, secrets)
        run_id = f"plan-{new_run_id()}"
        opener = Ways(options.site(self.home, run_id))
        ledger = Ledger(self.journal, run_id, 1)
        running = assemble(job, options, ledger, self.home, Signals.new(), opener, secrets)
        try:
            key = plan_key(self.home)
            return await make_plan(
                job.pipeline, running, job.digest, key, checks=checks, progress=progress
            )
        finally:
            await running.fleet.close(done=True)
            from shutil import rmtree

            rmtree(self.home.run_dir(run_id), ignore_errors=True)

    async def _hold(self, plan: Plan, job: Job, options: RunOptions) -> None:
        now = await self.plan(job, options, checks=plan.checked)
        if now.digest == plan.digest:
            return
        differences = plan.diff(now)
        shown = "\n  ".join(differences[:20])
        more = f"\n  … and {len(differences) - 20} more" if len(differences) > 20 else ""
        raise PlanDrift(f"the plan no longer holds:\n  {shown}{more}")
