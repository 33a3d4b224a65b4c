"""`runyard show`."""

from __future__ import annotations

import click

from runyard.cli.lazy import Command
from runyard.cli.render import output_option
from runyard.cli.session import run_argument
from runyard.cli.settings import Settings
from runyard.model.run import RunRecord


@click.command(
    "show",
    cls=Command,
    examples=["runyard show last", "runyard show 20261121-08 -o json | jq '.steps[].status'"],
)
@run_argument
@click.option(
    "--lines",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many last lines of each failed step's output to show.",
)
@click.option(
    "--all", "everything", is_flag=True, help="Show every row, also of a run with many steps."
)
@output_option()
@click.pass_obj
def show(settings: Settings, run_id: str, lines: int, everything: bool, form: str) -> int:
    """Show a run: its steps and hosts, what failed and why, warnings, times, last output.

    Steps are in the order of the workflow, also those that were not run; times are those of the
    work, without what was between attempts. Of more than 200 rows only failures and the last ones
    are shown, the others are counted.

    RUN is a run id, the unique beginning of one, or `last`.
    """
    from runyard.cli.loop import drive
    from runyard.cli.render import dump, screen_columns
    from runyard.cli.views.report import report

    record = drive(_get(run_id, settings))
    if form == "table":
        columns, paint = screen_columns(), settings.paint()
        click.echo(report(record, paint, lines=lines, columns=columns, everything=everything))
    else:
        click.echo(dump(record.to_dict(), form))
    return 0


async def _get(run_id: str, settings: Settings) -> RunRecord:
    from runyard.cli.session import service

    async with service(quiet=settings.quiet) as runs:
        return await runs.get(await runs.find(run_id))
