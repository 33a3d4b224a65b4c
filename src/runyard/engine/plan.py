"""What would run, per host and step, and why; with a digest to hold a later run to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, field
from functools import partial
from typing import Any

from runyard.engine.asking import Asking, each_of
from runyard.engine.halt import Halted
from runyard.engine.pipeline import Pipeline
from runyard.engine.running import Running
from runyard.engine.step import Step
from runyard.engine.task import Task
from runyard.expr.value import MISSING
from runyard.hosts.inventory import Host
from runyard.model.errors import RunyardError
from runyard.model.light import dataclass
from runyard.model.progress import Progress


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One step on one host. `decision`: run, skip, done (its check passed), unknown."""

    module: str
    task: str
    step: str
    host: str
    decision: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan (contract 1, "Plan digest").

    `variables` are the resolved ones per host, `secrets` an HMAC per name: equal plans are equal
    by digest, and nothing in a plan lets anybody guess a secret. `checked` says that the check
    commands were executed for it.
    """

    workflow: str
    workflow_digest: str
    hosts: Mapping[str, str]
    variables: Mapping[str, Any]
    secrets: Mapping[str, str]
    rows: tuple[PlanRow, ...] = field(default=())
    checked: bool = True

    @property
    def digest(self) -> str:
        """SHA-256 of the plan's canonical JSON, hex."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape of a plan file, its digest included."""
        return {"digest": self.digest, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """Read a plan file's content.

        Raises:
            RunyardError: PLAN_FILE, it is no plan or was changed after it was made.
        """
        try:
            fields = {k: v for k, v in data.items() if k != "digest"}
            rows = tuple(PlanRow(**row) for row in fields.pop("rows"))
            plan = cls(**fields, rows=rows)
        except (KeyError, TypeError) as error:
            raise RunyardError(f"not a plan file: {error}", code="PLAN_FILE") from None
        if plan.digest != data.get("digest"):
            raise RunyardError(
                "the plan file was changed after it was made",
                code="PLAN_FILE",
                hint="make a new one with `runyard plan FILE --out PLAN`",
            )
        return plan

    def diff(self, other: Plan) -> list[str]:
        """Paths at which `other` differs, with both values; empty when the digests are equal."""
        return list(_differences("", _flat(self), _flat(other)))


def _flat(plan: Plan) -> dict[str, Any]:
    data = asdict(plan)
    data["rows"] = {f"{row.step} on {row.host}": f"{row.decision} {row.why}" for row in plan.rows}
    return data


def _differences(path: str, one: Any, two: Any) -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        for key in sorted({*one, *two}, key=str):
            where = f"{path}.{key}" if path else str(key)
            yield from _differences(where, one.get(key), two.get(key))
    elif one != two:
        yield f"{path}: {_shown(one)} → {_shown(two)}"


def _shown(value: Any) -> str:
    return "absent" if value is None else str(value)


async def make_plan(
    pipeline: Pipeline,
    run: Running,
    digest: str,
    key: bytes,
    *,
    checks: bool = True,
    progress: Progress | None = None,
) -> Plan:
    """Decide every step on every host as far as it can be known now.

    With `checks`, the steps' check commands are executed at the hosts, of a task on as many at
    once as it works on; nothing else is. A host that cannot be reached is asked once. `key` keys
    the HMAC of secrets; `progress` counts decisions, in rows.

    Raises:
        UsageError: a target is unknown.
    """
    from hmac import digest as keyed

    rows: list[PlanRow] = []
    progress = progress or Progress()
    asking = Asking(run, progress) if checks else None
    tasks = [(module, task) for module in pipeline.modules for task in module.tasks]
    progress.total = sum(len(_hosts(task, run)) * len(task.steps) for _, task in tasks)
    open_names = False
    for module, task in tasks:
        enabled = module.is_enabled(run)
        decide = partial(_rows, module.name, task, run, enabled, open_names, asking, progress)
        for found in await each_of(_hosts(task, run), decide, task.fan.concurrency):
            rows += found
        exports = enabled and any(step.may_export for step in task.steps)
        open_names = open_names or exports
    for task in pipeline.finally_:
        for host in _hosts(task, run):
            for step in task.steps:
                rows.append(PlanRow("finally", task.name, step.key, host.name, "run", "always"))
    hosts = {host.name: host.address for host in run.select(())}
    return Plan(
        workflow=pipeline.name,
        workflow_digest=digest,
        hosts=hosts,
        variables={name: run.variables.scope(name).environment() for name in hosts},
        secrets={
            name: keyed(key, value.encode(), "sha256").hex()
            for name, value in sorted(run.secrets.items())
        },
        rows=tuple(rows),
        checked=checks,
    )


def _hosts(task: Task, run: Running) -> list[Host]:
    hosts = run.select(task.targets)
    return hosts[:1] if task.fan.run_once else hosts


async def _rows(
    module: str,
    task: Task,
    run: Running,
    enabled: bool,
    after_others: bool,
    asking: Asking | None,
    progress: Progress,
    host: Host,
) -> list[PlanRow]:
    rows = []
    for step in task.steps:
        decision, why = "skip", "module is not enabled"
        if enabled:
            decision, why = await _decide(task, step, host, run, after_others, asking)
        rows.append(PlanRow(module, task.name, step.key, host.name, decision, why))
        progress.done += 1
    return rows


async def _decide(
    task: Task, step: Step, host: Host, run: Running, after_others: bool, asking: Asking | None
) -> tuple[str, str]:
    conditions = [when for when in (task.when, step.policy.when) if when is not None]
    if asking is not None and any(_is_fact(name) for when in conditions for name in when.names):
        try:
            await asking.facts(host, step.policy.become)
        except Halted:
            raise
        except RunyardError as error:
            return "unknown", error.message
    scope = run.variables.scope(host.name, item=step.item)
    for when in conditions:
        unset = [name for name in when.names if scope.lookup(name) is MISSING]
        if unset and after_others:
            return "unknown", f"when depends on {', '.join(unset)}, exported by an earlier step"
        facts = [name for name in unset if _is_fact(name)]
        if facts and asking is None:
            return "unknown", f"when depends on {', '.join(facts)}: no host is asked"
        try:
            if not when.evaluate(scope):
                return "skip", f"when: {when.explain(scope)}"
        except RunyardError as error:
            return "unknown", error.message
    if asking is None:
        return "run", ""
    try:
        if await asking.check(step, host):
            return "done", "check: already done"
    except Halted:
        raise
    except RunyardError as error:
        return "unknown", error.message
    return "run", ""


def _is_fact(name: str) -> bool:
    return name.startswith("facts.")
