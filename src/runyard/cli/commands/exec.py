"""`runyard exec`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runyard.cli.lazy import Command
from runyard.cli.render import output_option
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.runners.batch import WorkUnit
    from runyard.runners.runner import Result


@click.command(
    "exec",
    cls=Command,
    examples=[
        """runyard exec --category command --command ls --args '["-l", "/tmp"]'""",
        """runyard exec --category script --args '{"script": "echo hello"}' --timeout 30s""",
        """runyard exec --category http --args '{"url": "http://127.0.0.1:8080/"}' -o json""",
        "runyard exec --work units.json -o json    # one unit, or a list of them",
    ],
)
@click.option("--category", metavar="C", help="command, script, http, or an installed one.")
@click.option("--command", "command_", default="", metavar="X", help="What to execute.")
@click.option("--args", default="", metavar="JSON", help="An array for commands, else an object.")
@click.option("--timeout", metavar="DURATION", help="Such as 30s or 5m.")
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="For the process. Repeatable.")
@click.option("--limits", metavar="JSON", help="""Such as '{"memory": "512MB"}'.""")
@click.option("--work", type=click.Path(allow_dash=True), help="Read it from a file (or `-`).")
@output_option("text", "json", "yaml")
@click.pass_obj
def execute(
    settings: Settings,
    category: str | None,
    command_: str,
    args: str,
    timeout: str | None,
    env: tuple[str, ...],
    limits: str | None,
    work: str | None,
    form: str,
) -> int:
    """Execute one unit of work on this machine, without a workflow and without a run.

    A unit is `{category, command, args, timeout, env, limits}`. Prints its output; with -o json
    its whole result: status, output, error, start_time, end_time, duration (ms), exit_code.

    Exit code 0 when all units succeeded, else 1; a canceled one 3.
    """
    from runyard.cli.loop import drive
    from runyard.cli.units import exit_code_of, read_units, run_here, unit_of

    if (work is None) == (category is None):
        raise click.UsageError("give either --category or --work", click.get_current_context())
    if work is not None:
        units = read_units(work)
    else:
        units = [unit_of(category or "", command_, args, timeout, env, limits)]
    results = drive(run_here(units))
    _tell(units, results, form, settings, many=work is not None and len(units) != 1)
    return exit_code_of(results)


def _tell(
    units: list[WorkUnit], results: list[Result], form: str, settings: Settings, *, many: bool
) -> None:
    from runyard.cli.render import dump

    if form != "text":
        shapes = [result.to_dict() for result in results]
        click.echo(dump(shapes if many else shapes[0], form))
        return
    paint = settings.paint()
    for number, (unit, result) in enumerate(zip(units, results, strict=True), 1):
        if many:
            click.echo(f"{paint('──', 'dim')} [{number}] {unit.category}: {result.status}")
        if result.output and not settings.quiet:
            click.echo(result.output, nl=not result.output.endswith("\n"))
        if result.error:
            click.echo(result.error, nl=not result.error.endswith("\n"), err=True)
