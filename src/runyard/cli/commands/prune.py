"""`runyard prune`."""

from __future__ import annotations

import click

from runyard.cli.lazy import Command
from runyard.cli.render import output_option
from runyard.cli.settings import Settings
from runyard.model.status import Status

_ENDED = [s.value for s in Status if s.is_final]


@click.command(
    "prune",
    cls=Command,
    examples=[
        "runyard prune --older-than 30d --dry-run",
        "runyard prune --older-than 30d --keep 100",
        "runyard prune --status success --keep 0",
    ],
)
@click.option("--older-than", metavar="DURATION", help="Only runs that ended longer ago: 30d, 12h.")
@click.option("--keep", type=click.IntRange(min=0), metavar="N", help="Keep the newest N runs.")
@click.option("--status", type=click.Choice(_ENDED), help="Only runs that ended so.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed; remove nothing.")
@output_option()
@click.pass_obj
def prune(
    settings: Settings,
    older_than: str | None,
    keep: int | None,
    status: str | None,
    dry_run: bool,
    form: str,
) -> int:
    """Remove runs that have ended, with their events and output, for good.

    At least one of --older-than and --keep says which. A run that goes on is never removed, nor
    one that was interrupted and whose processes are still at work.
    """
    from runyard.cli.loop import drive
    from runyard.cli.pruning import prune_runs, select, still_at_work
    from runyard.cli.render import dump, moment, table
    from runyard.cli.session import service
    from runyard.cli.text import count
    from runyard.cli.views.plain import tell
    from runyard.model.duration import parse_duration
    from runyard.model.errors import UsageError
    from runyard.model.run import RunFilter, RunRecord

    if older_than is None and keep is None:
        raise click.UsageError("say which: --older-than, --keep", click.get_current_context())
    try:
        age = None if older_than is None else parse_duration(older_than)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}", code="DURATION") from error

    async def main() -> list[tuple[RunRecord, int]]:
        async with service(quiet=True) as runs:
            every = await runs.list(RunFilter(limit=1_000_000))
            chosen = []
            for record in select(every, age=age, keep=keep, status=status):
                if left := await still_at_work(runs, record):
                    tell(
                        f"runyard: run {record.run_id} is kept: {count(left, 'attempt')} of it "
                        f"still at work; `runyard cancel {record.run_id}` ends what is left"
                    )
                else:
                    chosen.append(record)
            return await prune_runs(runs, chosen, dry_run=dry_run)

    removed = drive(main())
    if form != "table":
        shapes = [
            {"run_id": r.run_id, "status": r.status.value, "finished_at": r.finished_at, "bytes": n}
            for r, n in removed
        ]
        click.echo(dump({"dry_run": dry_run, "removed": shapes}, form))
    elif not settings.quiet:
        rows = [[r.run_id, r.status.value, moment(r.finished_at), str(n)] for r, n in removed]
        if rows:
            click.echo(table(["RUN", "STATUS", "FINISHED", "BYTES"], rows))
        words = "would be removed" if dry_run else "removed"
        total = sum(n for _, n in removed)
        click.echo(f"{count(len(removed), 'run')} {words}, {count(total, 'byte')}")
    return 0
