"""`runyard agent`, `runyard agent install`, `runyard agent uninstall`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from runyard.cli.agent_options import settings_of, start_options
from runyard.cli.lazy import Command
from runyard.cli.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

_NAME = "runyard-agent"
_ROOT = click.Path(file_okay=False, path_type=Path)


class AgentGroup(Command, click.Group):
    """A command with commands below it."""


def _earlier() -> dict[str, Any]:
    """Options of an agent that were written before the name of the command below it."""
    above = click.get_current_context().parent
    assert above is not None
    typed = click.core.ParameterSource.COMMANDLINE
    return {
        name: value
        for name, value in above.params.items()
        if above.get_parameter_source(name) is typed
    }


def _with_earlier(options: Mapping[str, Any]) -> dict[str, Any]:
    """`options`, and for those that were not typed behind the name those before it."""
    ctx = click.get_current_context()
    typed = click.core.ParameterSource.COMMANDLINE
    behind = {name for name in options if ctx.get_parameter_source(name) is typed}
    before = {name: value for name, value in _earlier().items() if name not in behind}
    return {**options, **before}


def _name_option() -> Callable[[F], F]:
    return click.option(
        "--name", default=_NAME, show_default=True, metavar="NAME", help="Name of the service."
    )


def _root_option() -> Callable[[F], F]:
    return click.option(
        "--root",
        type=_ROOT,
        metavar="DIR",
        help="Where the file system of another machine is mounted; nothing is started.",
    )


@click.group(
    "agent",
    cls=AgentGroup,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND]",
    examples=(
        "runyard agent                                    # 127.0.0.1:7072, token runner-token",
        "runyard agent --addr 0.0.0.0:7072 --token-file /etc/runyard/token",
        "runyard agent --addr :7073 --label zone=eu --max-tasks 4",
        """sudo "$(command -v runyard)" agent install --addr 0.0.0.0:7072""",
    ),
)
@start_options
@click.pass_context
def agent(ctx: click.Context, /, **options: Any) -> int:
    """Be a push agent: do work on this host for whoever shows the token.

    It serves until SIGTERM or SIGINT. Tasks go on without it, and the next one takes them up.
    Every option may come from the environment, by the name in brackets.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    from runyard.agent.lean import spare

    spare()
    from runyard.agent.serve import serve
    from runyard.cli.loop import drive

    return drive(serve(settings_of(options, quiet=ctx.ensure_object(Settings).quiet)))


@agent.command(
    "install",
    cls=Command,
    short_help="Make it a service.",
    examples=[
        """sudo "$(command -v runyard)" agent install --addr 0.0.0.0:7072""",
        "runyard agent install --print",
        "runyard agent install --name second --addr :7073 --no-start",
    ],
)
@start_options
@_name_option()
@click.option("--print", "only_print", is_flag=True, help="Print the unit; write nothing.")
@click.option(
    "--start/--no-start", default=True, show_default=True, help="Start it now and at boot."
)
@_root_option()
@click.pass_obj
def install(
    settings: Settings,
    /,
    name: str,
    only_print: bool,
    start: bool,
    root: Path | None,
    **options: Any,
) -> int:
    """Write a service of systemd (launchd on macOS) that is an agent with these options.

    Of the whole machine when you are root, else of your own. The token goes into a file that only
    its owner can read; without one a token is made up. Saying it again changes what is different.
    """
    from runyard.agent import install as installing
    from runyard.agent.service import Service

    service = Service.of(name, settings_of(_with_earlier(options)), root)
    if only_print:
        click.echo(service.printed(), nl=False)
        return 0
    for line in installing.install(service, start=start):
        if not settings.quiet:
            click.echo(line)
    return 0


@agent.command(
    "uninstall",
    cls=Command,
    examples=["""sudo "$(command -v runyard)" agent uninstall"""],
    short_help="Stop the service and remove it.",
)
@_name_option()
@_root_option()
@click.pass_obj
def uninstall(settings: Settings, name: str, root: Path | None) -> int:
    """Stop the service and remove what `install` has written, and nothing else.

    Tasks that run go on; the state directory stays.
    """
    if earlier := _earlier():
        names = ", ".join(f"--{name.replace('_', '-')}" for name in earlier)
        raise click.UsageError(f"{names}: uninstall takes --name and --root, behind it")
    from runyard.agent import install as installing
    from runyard.agent.service import Service
    from runyard.agent.settings import AgentSettings

    for line in installing.uninstall(Service.of(name, AgentSettings(), root)):
        if not settings.quiet:
            click.echo(line)
    return 0
