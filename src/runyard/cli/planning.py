"""Showing a plan, and asking whether it is what is wanted."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from runyard.cli import failure
from runyard.cli.approvals import can_ask
from runyard.cli.progress import of_plan, shown
from runyard.cli.render import dump, screen_columns, table
from runyard.cli.session import service
from runyard.cli.settings import Settings
from runyard.cli.style import Paint
from runyard.cli.text import for_screen
from runyard.model.errors import ConflictError
from runyard.model.progress import Progress

if TYPE_CHECKING:
    from runyard.engine.plan import Plan, PlanRow
    from runyard.service.job import Job, RunOptions
    from runyard.service.runs import Runs

_COLORS = {"run": "green", "skip": "cyan", "done": "cyan", "unknown": "yellow"}
_MANY = 20


class NotApproved(ConflictError):
    """A person has to say yes, and did not or could not."""

    code = "NOT_APPROVED"
    exit_code = failure.NOT_APPROVED


async def show_plan(
    job: Job, options: RunOptions, form: str, settings: Settings, *, checks: bool = True
) -> int:
    """Print what a run would do; nothing is changed."""
    async with service(quiet=True) as runs:
        plan = await made_plan(runs, job, options, settings, checks=checks)
    tell_plan(plan, form, settings)
    return 0


async def made_plan(
    runs: Runs, job: Job, options: RunOptions, settings: Settings, *, checks: bool = True
) -> Plan:
    """The plan; while hosts are waited for, stderr says so."""
    progress = Progress()
    async with shown(lambda: of_plan(progress), settings):
        return await runs.plan(job, options, checks=checks, progress=progress)


def tell_plan(plan: Plan, form: str, settings: Settings) -> None:
    """Print a plan as a table, JSON or YAML."""
    if form == "table":
        click.echo(plan_text(plan, settings.paint(), screen_columns()))
    else:
        click.echo(dump(plan.to_dict(), form))


async def accept_plan(runs: Runs, job: Job, options: RunOptions, settings: Settings) -> Plan:
    """Show the plan of a workflow with `plan: {mode: manual-approve}` and ask for a yes.

    Raises:
        NotApproved: the answer is no, or there is nobody to ask.
    """
    plan = await made_plan(runs, job, options, settings)
    if not can_ask():
        raise NotApproved(
            "this workflow runs only after its plan was approved (plan.mode: manual-approve)",
            hint="runyard plan FILE --out PLAN, look at it, then runyard run --plan PLAN; or --yes",
        )
    paint = settings.paint(sys.stderr)
    click.echo(plan_text(plan, paint, screen_columns()), err=True)
    if click.confirm("run this plan?", err=True):
        return plan
    raise NotApproved("the plan was not approved", hint="nothing was run")


def plan_text(plan: Plan, paint: Paint, columns: int | None) -> str:
    """A row per step × host (equal rows of many hosts are one), counts, and the digest."""
    parts = []
    rows = _rows(plan.rows)
    if rows:
        parts.append(
            table(
                ["STEP", "HOST", "DECISION", "WHY"],
                rows,
                columns=columns,
                paint=lambda i, cell: paint(cell, _COLORS[cell]) if i == 2 else cell,
            )
        )
    counts = Counter(row.decision for row in plan.rows)
    words = ", ".join(f"{counts[word]} {word}" for word in _COLORS if counts[word]) or "nothing"
    parts.append(f"plan of {plan.workflow}: {words}\ndigest {plan.digest}")
    return "\n\n".join(parts)


def _rows(rows: tuple[PlanRow, ...]) -> list[list[str]]:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        groups.setdefault((row.step, row.decision, row.why), []).append(row.host)
    shown = []
    for (step, decision, why), hosts in groups.items():
        if len(hosts) > _MANY:
            hosts = [f"{hosts[0]} … {hosts[-1]} ({len(hosts)})"]
        shown += [[step, host, decision, for_screen(why)] for host in hosts]
    return shown
