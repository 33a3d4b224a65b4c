"""`runyard cancel`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runyard.cli.lazy import Command
from runyard.cli.options import access_options
from runyard.cli.session import run_argument
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.hosts.site import Access


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
@access_options
@click.pass_obj
def cancel(
    settings: Settings,
    run_id: str,
    kill: bool,
    reason: str,
    no_wait: bool,
    timeout: float,
    access: Access,
) -> int:
    """Stop a run, whichever process executes it, and wait until nothing of it is left.

    What runs gets SIGTERM, after the grace SIGKILL; then `finally` steps are done. Of a run whose
    process has died, what it left behind, here and at other hosts, is ended; the run stays
    interrupted, and `finally` is not done: a resume can. Of a run that has ended, what is left at
    hosts with which contact was lost is ended. Prints how many processes survived: 0.

    RUN is a run id, the unique beginning of one, or `last`. Exit code 0 when it was canceled, or
    had ended before, and nothing is left; 1 when it ended otherwise, when a process survived, or
    when a host could not be reached: then cancel again when it is there.
    """
    from runyard.cli.approvals import who
    from runyard.cli.loop import drive
    from runyard.cli.session import service
    from runyard.cli.stopping import Stopped, stop

    async def main() -> Stopped | None:
        async with service(quiet=True) as runs:
            found, why = await runs.find(run_id), reason or f"canceled by {who()}"
            return await stop(
                runs, found, why, kill=kill, wait=not no_wait, timeout=timeout, access=access
            )

    stopped = drive(main())
    if stopped is None:
        if not settings.quiet:
            click.echo("cancellation requested")
        return 0
    if not settings.quiet or not stopped.clean:
        click.echo(stopped.text(settings.paint()))
    return 0 if stopped.clean else 1
