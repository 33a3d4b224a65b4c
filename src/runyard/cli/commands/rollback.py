"""`runyard rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runyard.cli.lazy import Command
from runyard.cli.options import access_options, form_option, group_option
from runyard.cli.session import run_argument
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.hosts.site import Access
    from runyard.service.runs import Runs
    from runyard.service.started import Started


@click.command("rollback", cls=Command, examples=["runyard rollback last"])
@run_argument
@click.option("--file", type=click.Path(), help="The workflow; default: where it was.")
@access_options
@group_option
@form_option()
@click.pass_obj
def rollback(settings: Settings, run_id: str, file: str | None, access: Access, form: str) -> int:
    """Undo what a run changed: the `rollback` of its steps, last step first.

    Only where a step changed something. It is a run of its own, with its own id and output.

    RUN is a run id, the unique beginning of one, or `last`. Exit codes as of `runyard run`.
    """
    from runyard.cli.documents import recorded_job
    from runyard.cli.execution import execute
    from runyard.cli.loop import drive
    from runyard.cli.waiting import refuse_while_live

    async def start(runs: Runs) -> Started:
        found = await runs.find(run_id)
        await refuse_while_live(runs, found)
        return await runs.rollback(found, await recorded_job(runs, found, file), access=access)

    return drive(execute(start, "rollback", form, settings, quiet_start=True))
