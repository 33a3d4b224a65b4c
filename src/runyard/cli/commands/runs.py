"""`runyard runs`."""

from __future__ import annotations

import click

from runyard.cli.lazy import Command
from runyard.cli.render import output_option
from runyard.cli.settings import Settings
from runyard.model.run import RunFilter, RunRecord
from runyard.model.status import Status


@click.command(
    "runs",
    cls=Command,
    examples=[
        "runyard runs",
        "runyard runs --status failed --workflow deploy",
        "runyard runs -n 1 -o json | jq -r '.[0].run_id'",
    ],
)
@click.option("--status", type=click.Choice([s.value for s in Status]), help="Only with it.")
@click.option("--workflow", metavar="NAME", help="Only runs of the workflow with this name.")
@click.option("--kind", metavar="KIND", help="Only runs of this kind, such as workflow.")
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many."
)
@output_option()
@click.pass_obj
def runs(
    settings: Settings,
    status: str | None,
    workflow: str | None,
    kind: str | None,
    limit: int,
    form: str,
) -> int:
    """List runs, newest first."""
    from runyard.cli.loop import drive
    from runyard.cli.render import dump

    wanted = RunFilter(Status(status) if status else None, workflow, kind, limit)
    records = drive(_list(wanted, settings))
    if form == "table":
        _table(records, settings)
    else:
        click.echo(dump([_shape(record) for record in records], form))
    return 0


async def _list(wanted: RunFilter, settings: Settings) -> list[RunRecord]:
    from runyard.cli.session import service

    async with service(quiet=settings.quiet) as opened:
        return await opened.list(wanted)


def _shape(record: RunRecord) -> dict[str, object]:
    data = record.to_dict()
    del data["steps"]
    return data


def _table(records: list[RunRecord], settings: Settings) -> None:
    from runyard.cli.ending import elapsed
    from runyard.cli.render import moment, screen_columns, table
    from runyard.model.duration import format_duration

    if not records:
        if not settings.quiet:
            click.echo("no runs yet; `runyard run FILE` makes one", err=True)
        return
    rows = [
        [
            r.run_id,
            r.status.value,
            moment(r.started_at),
            format_duration(elapsed(r)) if r.started_at else "-",
            r.workflow_name,
            r.last_error or r.interrupted_reason or r.message,
        ]
        for r in records
    ]
    paint = settings.paint()
    click.echo(
        table(
            ["RUN", "STATUS", "STARTED", "TIME", "WORKFLOW", "MESSAGE"],
            rows,
            columns=screen_columns(),
            paint=lambda i, cell: paint.status(cell) if i == 1 else cell,
        )
    )
