"""`runyard run`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import click

from runyard.cli.lazy import Command
from runyard.cli.options import (
    access_options,
    form_option,
    given_options,
    group_option,
    offline_option,
    run_options,
)
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.engine.plan import Plan
    from runyard.engine.policy import Offline
    from runyard.hosts.site import Access
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
@access_options
@offline_option
@group_option
@form_option(
    "auto: a live view on a terminal, plain lines elsewhere. jsonl: events and output as "
    "they come. json, yaml: the record of the run at its end.",
)
@click.pass_obj
def run(
    settings: Settings,
    file: str | None,
    inventory: tuple[str, ...],
    variables: tuple[str, ...],
    var_files: tuple[str, ...],
    local: bool,
    limit: tuple[str, ...],
    tags: tuple[str, ...],
    run_id: str | None,
    plan_file: str | None,
    dry_run: bool,
    yes: bool,
    access: Access,
    offline: Offline | None,
    form: str,
) -> int:
    """Run the workflow in FILE (`-`: standard input) and show it while it goes on.

    \b
    host | a line that a step wrote to stdout
    host ! a line that a step wrote to stderr
    host = how the step ended there

    Ctrl-C cancels cleanly: what runs is ended, `finally` steps are done. Ctrl-C again kills,
    a third one leaves the run as it is. SIGTERM, SIGQUIT and SIGHUP do the same.

    Exit codes: 0 success, 1 failed, 2 wrong usage or invalid workflow, 3 canceled, 4 interrupted,
    5 not approved, 6 drifted from the plan.
    """
    given = Given(
        file, inventory, variables, var_files, local, limit, tags, run_id, plan_file, yes, access,
        offline, form,
    )  # fmt: skip
    if dry_run:
        return _dry_run(given, settings)
    from runyard.cli.warm import warm
    from runyard.model.ids import check_run_id, new_run_id

    given = given._replace(run_id=check_run_id(run_id) if run_id else new_run_id())
    named = () if local else (*inventory, *((file,) if file else ()))
    with warm(str(given.run_id), named):
        return _run(given, settings)


class Given(NamedTuple):
    """What the command line says."""

    file: str | None
    inventory: tuple[str, ...]
    variables: tuple[str, ...]
    var_files: tuple[str, ...]
    local: bool
    limit: tuple[str, ...]
    tags: tuple[str, ...]
    run_id: str | None
    plan_file: str | None
    yes: bool
    access: Access
    offline: Offline | None
    form: str

    def resolve(self, settings: Settings) -> tuple[Job, RunOptions, Plan | None]:
        """The compiled workflow, the options, and the plan to hold to.

        Raises:
            RunyardError: something of it cannot be used.
        """
        from runyard.cli.documents import read_job
        from runyard.cli.inventories import with_inventory

        file, plan = self.file, None
        options = given_options(
            self.variables, self.var_files, self.local, self.limit, self.tags, self.inventory
        )
        if self.plan_file is not None:
            from runyard.cli.planfile import PlanFile

            kept = PlanFile.read(self.plan_file)
            plan, options, file = kept.plan, kept.options_with(options), kept.workflow_path(file)
        if file is None:
            raise click.UsageError("FILE is missing (or --plan)", click.get_current_context())
        options = replace(
            options,
            run_id=self.run_id,
            approve=self.yes,
            offline=self.offline or options.offline,
        )
        options, outer = with_inventory(options, settings, fixed=plan is not None)
        return read_job(file, settings, outer), options.admitted_by(self.access), plan


def _dry_run(given: Given, settings: Settings) -> int:
    from runyard.cli.loop import drive
    from runyard.cli.planning import show_plan

    job, options, _ = given.resolve(settings)
    form = given.form if given.form in ("json", "yaml") else "table"
    return drive(show_plan(job, options, form, settings))


def _run(given: Given, settings: Settings) -> int:
    from runyard.cli.execution import execute
    from runyard.cli.loop import drive

    job, options, plan = given.resolve(settings)

    async def start(runs: Runs) -> Started:
        accepted = plan
        if accepted is None and job.manual and not options.approve:
            from runyard.cli.planning import accept_plan

            accepted = await accept_plan(runs, job, options, settings)
        return await runs.start(job, options, plan=accepted)

    return drive(execute(start, job.pipeline.name, given.form, settings))
