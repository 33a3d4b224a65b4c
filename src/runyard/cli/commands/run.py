"""`runyard run`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from runyard.cli.execution import FORMS
from runyard.cli.lazy import Command
from runyard.cli.options import given_options, run_options
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.engine.plan import Plan
    from runyard.service.job import Job, RunOptions
    from runyard.service.runs import Runs
    from runyard.service.started import Started


@click.command(
    "run",
    cls=Command,
    examples=[
        "runyard run deploy.yaml",
        "runyard run deploy.yaml --var VERSION=1.4 --limit 'web*' --tags canary",
        "runyard run deploy.yaml --local -o jsonl | jq .type",
        "runyard plan deploy.yaml --out p.json && runyard run --plan p.json",
        "cat deploy.yaml | runyard run -",
    ],
)
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@run_options
@click.option("--run-id", help="The run's id; made up when not given.")
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(),
    help="Run exactly what this plan file says; refused (exit 6) when anything has drifted.",
)
@click.option("--dry-run", is_flag=True, help="Show what would run, as `plan` does; run nothing.")
@click.option("--yes", is_flag=True, help="Say yes to every approval and to the plan.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(FORMS),
    default="auto",
    show_default=True,
    help="auto: a live view on a terminal, plain lines elsewhere. jsonl: events and output as "
    "they come. json: the record of the run at its end.",
)
@click.pass_obj
def run(
    settings: Settings,
    file: str | None,
    variables: tuple[str, ...],
    var_files: tuple[str, ...],
    local: bool,
    limit: tuple[str, ...],
    tags: tuple[str, ...],
    run_id: str | None,
    plan_file: str | None,
    dry_run: bool,
    yes: bool,
    form: str,
) -> int:
    """Run the workflow in FILE (`-`: standard input) and show it while it goes on.

    \b
    host | a line that a step wrote to stdout
    host ! a line that a step wrote to stderr
    host = how the step ended there

    Ctrl-C cancels cleanly: what runs is ended, `finally` steps are done. Ctrl-C again kills.

    Exit codes: 0 success, 1 failed, 2 wrong usage or invalid workflow, 3 canceled, 4 interrupted,
    5 not approved, 6 drifted from the plan.
    """
    from runyard.cli.documents import read_job
    from runyard.cli.loop import drive

    options = given_options(variables, var_files, local, limit, tags)
    plan: Plan | None = None
    if plan_file is not None:
        from runyard.cli.planfile import PlanFile

        kept = PlanFile.read(plan_file)
        plan, options, file = kept.plan, kept.options_with(options), kept.workflow_path(file)
    if file is None:
        raise click.UsageError("FILE is missing (or --plan)", click.get_current_context())
    job = read_job(file, settings)
    options = replace(options, run_id=run_id, approve=yes)
    if dry_run:
        from runyard.cli.planning import show_plan

        return drive(show_plan(job, options, "json" if form == "json" else "table", settings))
    return drive(_run(job, options, plan, form, settings))


async def _run(
    job: Job, options: RunOptions, plan: Plan | None, form: str, settings: Settings
) -> int:
    from runyard.cli.execution import execute

    async def start(runs: Runs) -> Started:
        accepted = plan
        if accepted is None and job.manual and not options.approve:
            from runyard.cli.planning import accept_plan

            accepted = await accept_plan(runs, job, options, settings)
        return await runs.start(job, options, plan=accepted)

    return await execute(start, job.pipeline.name, form, settings)
