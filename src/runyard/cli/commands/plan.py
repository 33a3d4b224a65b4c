"""`runyard plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runyard.cli.lazy import Command
from runyard.cli.options import access_options, given_options, run_options
from runyard.cli.render import output_option
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.engine.plan import Plan
    from runyard.hosts.site import Access
    from runyard.service.job import Job, RunOptions


@click.command(
    "plan",
    cls=Command,
    examples=[
        "runyard plan deploy.yaml",
        "runyard plan deploy.yaml --limit 'web*' -o json | jq '.rows[].decision'",
        "runyard plan deploy.yaml --out p.json    # then: runyard run --plan p.json",
    ],
)
@click.argument("file", type=click.Path(allow_dash=True))
@run_options
@access_options
@click.option("--no-checks", is_flag=True, help="Do not execute the `check` commands of steps.")
@click.option("--out", type=click.Path(), metavar="PLAN", help="Keep the plan in this file.")
@output_option()
@click.pass_obj
def plan(
    settings: Settings,
    file: str,
    inventory: tuple[str, ...],
    variables: tuple[str, ...],
    var_files: tuple[str, ...],
    local: bool,
    limit: tuple[str, ...],
    tags: tuple[str, ...],
    access: Access,
    no_checks: bool,
    out: str | None,
    form: str,
) -> int:
    """Show what running FILE would do, per host and step, and why. Nothing is changed.

    \b
    run      it would be executed
    skip     `when` says no
    done     its `check` says that there is nothing left to do
    unknown  it depends on what an earlier step finds out

    The digest stands for all of it: workflow, hosts, variables, secrets, decisions. `run --plan`
    refuses to start (exit code 6) when it would be another one.
    """
    from runyard.cli.documents import read_job
    from runyard.cli.inventories import with_inventory
    from runyard.cli.loop import drive
    from runyard.cli.planning import tell_plan

    options = given_options(variables, var_files, local, limit, tags, inventory)
    options, outer = with_inventory(options.admitted_by(access), settings)
    made = drive(_make(read_job(file, settings, outer), options, not no_checks, settings))
    if out is not None:
        from runyard.cli.planfile import PlanFile

        PlanFile(made, file, options).write(out)
    if not settings.quiet:
        tell_plan(made, form, settings)
    return 0


async def _make(job: Job, options: RunOptions, checks: bool, settings: Settings) -> Plan:
    from runyard.cli.planning import made_plan
    from runyard.cli.session import service

    async with service(quiet=True) as runs:
        return await made_plan(runs, job, options, settings, checks=checks)
