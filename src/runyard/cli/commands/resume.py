"""`runyard resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runyard.cli.lazy import Command
from runyard.cli.options import access_options, form_option, group_option, offline_option
from runyard.cli.session import run_argument
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.engine.policy import Offline
    from runyard.hosts.site import Access
    from runyard.service.runs import Runs
    from runyard.service.started import Started


@click.command(
    "resume",
    cls=Command,
    examples=["runyard resume last", "runyard resume 20261121-0833 --file deploy.yaml --force"],
)
@run_argument
@click.option("--file", type=click.Path(), help="The workflow; default: where it was.")
@click.option("--force", is_flag=True, help="Go on although the workflow was changed meanwhile.")
@access_options
@offline_option
@group_option
@form_option()
@click.pass_obj
def resume(
    settings: Settings,
    run_id: str,
    file: str | None,
    force: bool,
    access: Access,
    offline: Offline | None,
    form: str,
) -> int:
    """Go on with an interrupted, failed or canceled run from what is not done.

    Steps that succeeded are not run again on their hosts; what they exported is there. What was
    still running when its owner died is attached to, not started a second time: all of its output
    is shown, also what it printed before; nothing is shown again of what was done.

    RUN is a run id, the unique beginning of one, or `last`. Exit codes as of `runyard run`.
    """
    from runyard.cli.documents import recorded_job
    from runyard.cli.execution import execute
    from runyard.cli.loop import drive
    from runyard.cli.waiting import refuse_unless_resumable

    async def start(runs: Runs) -> Started:
        found = await runs.find(run_id)
        await refuse_unless_resumable(runs, found)
        job = await recorded_job(runs, found, file)
        return await runs.resume(found, job, force=force, access=access, offline=offline)

    return drive(execute(start, "resume", form, settings, quiet_start=True))
