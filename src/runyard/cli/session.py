"""Opening the service for a command, and naming runs on the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

from runyard.cli.views.plain import tell

if TYPE_CHECKING:
    from runyard.service.runs import Runs


@asynccontextmanager
async def service(*, quiet: bool = False) -> AsyncIterator[Runs]:
    """The service over this user's state home; says which runs it found interrupted."""
    from runyard.service.runs import Runs

    async with Runs.open() as runs:
        if not quiet:
            for run_id in runs.interrupted:
                tell(f"runyard: run {run_id} was interrupted; `runyard resume {run_id}` goes on")
        yield runs


def complete_run(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[Any]:
    """Shell completion of run ids: the newest first."""
    from click.shell_completion import CompletionItem

    from runyard.cli.loop import drive
    from runyard.model.run import RunFilter

    async def recent() -> list[CompletionItem]:
        async with service(quiet=True) as runs:
            return [
                CompletionItem(r.run_id, help=f"{r.status} {r.workflow_name}")
                for r in await runs.list(RunFilter(limit=50))
                if r.run_id.startswith(incomplete)
            ]

    items = drive(recent())
    return [*items, CompletionItem("last")] if "last".startswith(incomplete) else list(items)


run_argument = click.argument("run_id", metavar="RUN", shell_complete=complete_run)
