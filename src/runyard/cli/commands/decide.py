"""`runyard approve` and `runyard reject`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from runyard.cli.lazy import Command
from runyard.cli.session import run_argument
from runyard.cli.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def _answer_options(command: F) -> F:
    for option in (
        click.option("--by", default="", help="Who decides; default: the name of your user."),
        click.option("--comment", default="", help="Kept with the decision."),
        click.option("--step", default="", help="The step that waits; default: whichever does."),
    ):
        command = option(command)
    return command


@click.command(
    "approve",
    cls=Command,
    examples=["runyard approve last", "runyard approve last --step deploy --comment 'go ahead'"],
)
@run_argument
@_answer_options
@click.pass_obj
def approve(settings: Settings, run_id: str, step: str, comment: str, by: str) -> int:
    """Say yes to a run that waits for an approval.

    RUN is a run id, the unique beginning of one, or `last`.
    """
    return _decide(settings, run_id, step, comment, by, accept=True)


@click.command(
    "reject",
    cls=Command,
    examples=["runyard reject last --step deploy --comment 'not on a Friday'"],
)
@run_argument
@_answer_options
@click.pass_obj
def reject(settings: Settings, run_id: str, step: str, comment: str, by: str) -> int:
    """Say no to a run that waits for an approval: it fails, its process exits with 5.

    RUN is a run id, the unique beginning of one, or `last`.
    """
    return _decide(settings, run_id, step, comment, by, accept=False)


def _decide(
    settings: Settings, word: str, step: str, comment: str, by: str, *, accept: bool
) -> int:
    from runyard.cli.approvals import who
    from runyard.cli.loop import drive
    from runyard.cli.session import service
    from runyard.cli.waiting import open_approvals, pick_approval

    async def main() -> str:
        async with service(quiet=True) as runs:
            found = await runs.find(word)
            step_key = pick_approval(await open_approvals(runs, found), step, found)
            await runs.decide(found, accept=accept, step=step_key, by=by or who(), comment=comment)
            return step_key

    step_key = drive(main())
    if not settings.quiet:
        click.echo(f"{'approved' if accept else 'rejected'}: {step_key}")
    return 0
