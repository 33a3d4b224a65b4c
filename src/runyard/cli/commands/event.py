"""`runyard event`."""

from __future__ import annotations

import json
from typing import Any

import click

from runyard.cli.lazy import Command
from runyard.cli.session import run_argument
from runyard.cli.settings import Settings
from runyard.model.errors import UsageError


@click.command(
    "event",
    cls=Command,
    examples=[
        "runyard event last released",
        """runyard event last released --data '{"version": "1.4"}'""",
    ],
)
@run_argument
@click.argument("name")
@click.option("--data", default="{}", metavar="JSON", help="An object; steps see its values.")
@click.pass_obj
def event(settings: Settings, run_id: str, name: str, data: str) -> int:
    """Post the event NAME to a run: a step with `wait.event` or `wait.until` goes on.

    RUN is a run id, the unique beginning of one, or `last`.
    """
    from runyard.cli.loop import drive
    from runyard.cli.session import service

    values = read_object(data)

    async def main() -> str:
        async with service(quiet=True) as runs:
            found = await runs.find(run_id)
            await runs.post_event(found, name, values)
            return found

    found = drive(main())
    if not settings.quiet:
        click.echo(f"posted {name} to {found}")
    return 0


def read_object(text: str) -> dict[str, Any]:
    """The JSON object in `text`.

    Raises:
        UsageError: it is none.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--data is not JSON: {error}", code="DATA") from error
    if not isinstance(data, dict):
        raise UsageError("--data is not a JSON object", code="DATA", hint="""'{"name": "value"}'""")
    return data
