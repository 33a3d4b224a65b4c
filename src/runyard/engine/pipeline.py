"""Pipeline: modules in order, then handlers, rollback, and what is done in any case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from runyard.engine.approval import ask
from runyard.engine.halt import Halt, Halted
from runyard.engine.module import Hook, Module, call_hook
from runyard.engine.policy import Approval
from runyard.engine.rollback import roll_back
from runyard.engine.running import Ran, Running
from runyard.engine.step import Step
from runyard.engine.tally import left_event
from runyard.engine.task import Task
from runyard.hosts.inventory import Host
from runyard.model.errors import FencedError, InternalError, RunyardError, StoreError, UsageError
from runyard.model.event import NewEvent
from runyard.model.light import dataclass
from runyard.model.result import StepResult
from runyard.model.status import Status


@dataclass(frozen=True)
class Pipeline:
    """A whole run's work (contract 3). The same engine runs it, from YAML or built in Python.

    Attributes:
        handlers: steps that others `notify`; each runs once, at the end, where something changed.
        finally_: tasks that run in any case, a cancel included.
        on_failure: `stop`, or `rollback` what was changed.
        approval: asked before anything starts, under the step name `plan`.

    Raises UsageError when two steps have the same key: the journal could not tell them apart.
    """

    name: str
    modules: tuple[Module, ...]
    handlers: tuple[Step, ...] = ()
    finally_: tuple[Task, ...] = ()
    on_failure: str = "stop"
    approval: Approval | None = None
    pre_run: Hook | None = None
    post_run: Hook | None = None

    def __post_init__(self) -> None:
        keys: set[str] = set()
        for step in self.steps():
            if step.key in keys:
                raise UsageError(f'pipeline "{self.name}" has two steps with the key "{step.key}"')
            keys.add(step.key)

    def tasks(self) -> Iterator[Task]:
        """All tasks of all modules, in order."""
        for module in self.modules:
            yield from module.tasks

    def steps(self) -> Iterator[Step]:
        """All steps that may run, in order: the modules', the handlers', the last ones."""
        for task in self.tasks():
            yield from task.steps
        yield from self.handlers
        for task in self.finally_:
            yield from task.steps

    async def run(self, run: Running) -> Ran:
        """Results of all layers, in a deterministic order, and the first error.

        Raises:
            StoreError, FencedError: the journal does not take what is reached.
        """
        run = replace(run, order=_order(self.steps()))
        error = await self._ask(run) or await call_hook(
            self.pre_run, run, f"pre_run of {self.name}"
        )
        ran = Ran((), error) if error else await self._modules(run)
        if ran.ok:
            ran = _join(ran, await self._handlers(ran, run))
        elif self.on_failure == "rollback" and not ran.canceled:
            ran = _join(ran, await roll_back(self.tasks(), ran.results, _afterwards(run)))
        for task in self.finally_:
            ran = _join(ran, await task.run(_afterwards(run)))
        self._tell_left(run)
        after = await call_hook(self.post_run, run, f"post_run of {self.name}")
        return ran if ran.error or not after else replace(ran, error=after)

    async def _ask(self, run: Running) -> str:
        """Why nothing may start; empty when it may."""
        if self.approval is None or run.ledger.approved("plan"):
            return ""
        try:
            await ask(self.approval, "plan", run)
        except (StoreError, FencedError):
            raise
        except Halted as halted:
            return str(halted)
        except RunyardError as refusal:
            return refusal.message
        return ""

    async def _modules(self, run: Running) -> Ran:
        ran = Ran(())
        for module in self.modules:
            try:
                if module.is_enabled(run):
                    ran = _join(ran, await module.run(run))
            except (StoreError, FencedError):
                raise
            except Exception as error:
                ran = _join(ran, Ran((), _what_failed(error, module, run)))
            if not ran.ok:
                break
        return ran

    def _tell_left(self, run: Running) -> None:
        """Name the steps that were to come when the run was stopped, by a failure or a person."""
        for module in self.modules:
            left = [t for t in module.tasks if not run.ledger.has_begun(t.steps[0].key)]
            if not left or not _is_wanted(module, run):
                continue
            for task in left:
                hosts = _hosts(task, run)
                for step in task.steps if hosts else ():
                    run.ledger.tell(left_event(step, hosts, run))

    async def _handlers(self, ran: Ran, run: Running) -> Ran:
        told = Ran(())
        for handler in self.handlers:
            hosts = _notified(handler.name, ran.results, self.tasks())
            if hosts and not run.halt.requested:
                run.ledger.tell(NewEvent("handler.started", handler.key))
                told = _join(told, await Task(handler.key, (handler,), tuple(hosts)).run(run))
        return told


def _order(steps: Iterable[Step]) -> dict[str, int]:
    """Numbers from 1 by key; who stands in for a step has its number."""
    order = {}
    for n, first in enumerate(steps, 1):
        step: Step | None = first
        while step is not None:
            order[step.key] = n
            step = step.fallback
    return order


def _is_wanted(module: Module, run: Running) -> bool:
    try:
        return module.is_enabled(run)
    except Exception:  # what it depends on did not come to be
        return True


def _hosts(task: Task, run: Running) -> list[Host]:
    try:
        return task.hosts(run)
    except UsageError:  # a target that is unknown is why the run has failed
        return []


def _afterwards(run: Running) -> Running:
    """For work that a cancel does not stop; only the second signal does."""
    return run.under(Halt(run.kill))


def _join(first: Ran, then: Ran) -> Ran:
    return Ran(
        (*first.results, *then.results), first.error or then.error, first.canceled or then.canceled
    )


def _what_failed(error: Exception, module: Module, run: Running) -> str:
    """An exception of the module itself as one line; what is done in any case still is."""
    if isinstance(error, RunyardError):
        text = f"module {module.name}: {error.message}"
    else:
        text = InternalError.of(error, f"module {module.name}").message
    return run.variables.redactor.text(text)


def _notified(handler: str, results: Sequence[StepResult], tasks: Iterable[Task]) -> list[str]:
    """Hosts where a step changed something and names `handler`, in order of results."""
    tellers = {s.key for t in tasks for s in t.steps if handler in s.policy.notify}
    hosts = {
        r.host: None
        for r in results
        if r.step in tellers and r.outcome.changed and r.status is Status.SUCCESS
    }
    return list(hosts)
