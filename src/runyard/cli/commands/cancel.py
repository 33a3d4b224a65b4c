"""`runyard cancel`."""

from __future__ import annotations

import click

from runyard.cli.lazy import Command
from runyard.cli.session import run_argument
from runyard.cli.settings import Settings
from runyard.model.run import RunRecord


@click.command(
    "cancel",
    cls=Command,
    examples=["runyard cancel last", "runyard cancel 20261121-0833 --kill --reason 'wrong host'"],
)
@run_argument
@click.option("--kill", is_flag=True, help="At once: no grace, no `finally` steps.")
@click.option("--reason", default="", help="Kept with the run.")
@click.option("--no-wait", is_flag=True, help="Do not wait until the run has ended.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds to wait; 0 is without end.",
)
@click.pass_obj
def cancel(
    settings: Settings, run_id: str, kill: bool, reason: str, no_wait: bool, timeout: float
) -> int:
    """Stop a run, whichever process executes it, and wait until nothing of it is left.

    What runs gets SIGTERM, after the grace SIGKILL; then `finally` steps are done. Prints how many
    processes survived: 0.

    RUN is a run id, the unique beginning of one, or `last`. Exit code 0 when it was canceled, 1
    when it ended otherwise or processes survived.
    """
    from runyard.cli.approvals import who
    from runyard.cli.ending import survivors
    from runyard.cli.loop import drive
    from runyard.cli.session import service
    from runyard.cli.waiting import until_final
    from runyard.model.status import Status

    async def main() -> RunRecord | None:
        async with service(quiet=True) as runs:
            found = await runs.find(run_id)
            await runs.cancel(found, reason or f"canceled by {who()}", kill=kill)
            return None if no_wait else await until_final(runs, found, timeout)

    record = drive(main())
    if record is None:
        if not settings.quiet:
            click.echo("cancellation requested")
        return 0
    left = survivors(record)
    if not settings.quiet or left:
        click.echo(f"{settings.paint().status(record.status)}: {record.run_id}, survivors: {left}")
    return 0 if record.status is Status.CANCELED and not left else 1
