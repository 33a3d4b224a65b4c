"""What many results come to: a step's status over its hosts, a task's first error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from runyard.engine.running import Running
from runyard.engine.step import Step
from runyard.hosts.inventory import Host
from runyard.model.event import NewEvent
from runyard.model.result import StepResult
from runyard.model.status import Status

_WORST_FIRST = (
    Status.ERROR,
    Status.FAILED,
    Status.TIMEOUT,
    Status.INTERRUPTED,
    Status.CANCELED,
    Status.SUCCESS,
    Status.SKIPPED,
)


def started_event(step: Step, hosts: Sequence[Host], run: Running) -> NewEvent:
    """`step.started` with its hosts and its place in the run."""
    names = [host.name for host in hosts]
    total = next(reversed(run.order.values()), 0)
    data = {"hosts": names, "index": run.order.get(step.key, 0), "total": total}
    return NewEvent("step.started", step.key, data=data)


def left_event(step: Step, hosts: Sequence[Host], run: Running) -> NewEvent:
    """`step.left`: the run ends, and has not begun with `step` on these hosts."""
    return replace(started_event(step, hosts, run), type="step.left")


def by_step(results: Iterable[StepResult]) -> dict[str, list[StepResult]]:
    """Results by the key of their step, in their order."""
    found: dict[str, list[StepResult]] = {}
    for result in results:
        found.setdefault(result.step, []).append(result)
    return found


def finished_event(step: Step, results: Sequence[StepResult], hosts: int = 0) -> NewEvent:
    """`step.finished` with the worst status of the step's results and how many came to what.

    `hosts` is how many it was to have; those without a result were not started.
    """
    counts: dict[Status, int] = {}
    for result in results:
        counts[result.status] = counts.get(result.status, 0) + 1
    worst = [status for status in _WORST_FIRST if status in counts]
    status = worst[0] if worst else Status.SKIPPED
    words = [f"{counts[s]} {s}" for s in worst]
    if words and hosts > len(results):
        words.append(f"{hosts - len(results)} not started")
    message = ", ".join(words) or "not started"
    return NewEvent("step.finished", step.key, data={"status": status.value, "message": message})


def warning_event(step: str, message: str, code: str = "VARIABLE", *, host: str = "") -> NewEvent:
    """`warning.raised` on a step, be it on one host of it."""
    return NewEvent("warning.raised", step, host, data={"code": code, "message": message})


def failure(results: Sequence[StepResult], steps: Sequence[Step]) -> str:
    """The first failure that is not tolerated, as one line; empty when there is none.

    Those who were canceled because of it (`fail_fast`) come before it and are not the cause.
    """
    tolerant = {step.key for step in steps if step.policy.continue_on_error}
    bad = [r for r in results if not r.status.is_good and r.step not in tolerant]
    causes = [r for r in bad if r.status is not Status.CANCELED] or bad
    if not causes:
        return ""
    first = causes[0]
    return f'step "{first.step}" on {first.host}: {first.outcome.message or first.status}'
