"""The options that commands have in common which run something or look at hosts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runyard.cli.settings import Settings
from runyard.cli.variables import read_variables

if TYPE_CHECKING:
    from runyard.engine.policy import Offline
    from runyard.hosts.site import Access
    from runyard.service.job import RunOptions

FORMS = ("auto", "plain", "jsonl", "json", "yaml")

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def form_option(help: str = "As of `runyard run`.") -> Callable[[F], F]:
    """`-o` of the commands that show a run while it goes on."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(FORMS),
        default="auto",
        show_default=True,
        help=help,
    )


def group_option(command: F) -> F:
    """`--group/--no-group` of the commands that show a run; it writes into Settings."""

    def note(ctx: click.Context, _param: click.Parameter, value: bool | None) -> None:
        ctx.ensure_object(Settings).group = value

    return click.option(
        "--group/--no-group",
        default=None,
        expose_value=False,
        callback=note,
        help="Equal outputs once, with their hosts; or every line with its host.  [default: group "
        "from 21 hosts on]",
    )(command)


def offline_option(command: F) -> F:
    """`--offline`, as `offline`: an engine's Offline, or None."""

    def read(ctx: click.Context, param: click.Parameter, value: str | None) -> Offline | None:
        if value is None:
            return None
        from runyard.engine.policy import Offline
        from runyard.model.errors import UsageError

        policy, colon, deadline = value.partition(":")
        try:
            if colon and policy != "wait":
                raise UsageError(value)
            return Offline.of({"policy": policy, "deadline": deadline if colon else None})
        except UsageError:
            raise click.BadParameter(
                f"{value!r} is none of fail, skip, wait and wait:DURATION (wait:10m)", ctx, param
            ) from None

    return click.option(
        "--offline",
        callback=read,
        metavar="POLICY",
        help="For hosts that cannot be reached: fail, skip, wait or wait:10m, in place of the "
        "workflow's own. What a step or a host says is stronger.",
    )(command)


def inventory_option(command: F) -> F:
    """`-i/--inventory`, as `inventory`; `cli/inventories.py` reads what it names."""
    return click.option(
        "-i",
        "--inventory",
        multiple=True,
        metavar="SOURCE",
        help="Hosts from a file, a folder or a program; a list ends with a comma: web1,web2, "
        "Repeatable. Else RUNYARD_INVENTORY.",
    )(command)


def limit_option(command: F) -> F:
    """`--limit`, as `limit`."""
    return click.option(
        "--limit",
        multiple=True,
        metavar="PATTERN",
        help="Only these hosts or groups: web1, 'web*', '!db1'. Repeatable, or commas.",
    )(command)


def run_options(command: F) -> F:
    """`--inventory --var --var-file --local --limit --tags`."""
    for option in reversed(
        (
            inventory_option,
            click.option(
                "--var",
                "variables",
                multiple=True,
                metavar="NAME=VALUE",
                help="Set a variable, over all that the workflow sets. Repeatable.",
            ),
            click.option(
                "--var-file",
                "var_files",
                multiple=True,
                metavar="FILE",
                help="Set the variables in a YAML or JSON file. Repeatable; --var is stronger.",
            ),
            click.option(
                "--local",
                is_flag=True,
                help="Run every host on this machine, under its own name and variables.",
            ),
            limit_option,
            click.option(
                "--tags",
                multiple=True,
                metavar="TAG",
                help="Only steps with one of these tags. Repeatable, or with commas.",
            ),
        )
    ):
        command = option(command)
    return command


_ACCEPT_NEW = click.option(
    "--accept-new",
    is_flag=True,
    help="Trust SSH hosts that are not known yet, and remember their keys. A key that "
    "has changed is refused all the same.",
)
_TOKEN_FILE = click.option(
    "--token-file",
    default="",
    metavar="FILE",
    help="The token of push agents is in this file; else in RUNYARD_AGENT_TOKEN.",
)
_TOKEN = click.option(
    "--token",
    default="",
    metavar="TOKEN",
    help="The token of push agents. Everybody on this machine can see it in `ps`.",
)


def access_options(command: Callable[..., T]) -> Callable[..., T]:
    """How hosts let us in: `--token --token-file --accept-new`, to the command as `access`."""
    return _ACCEPT_NEW(agent_options(command))


def agent_options(command: Callable[..., T]) -> Callable[..., T]:
    """How agents let us in: `--token --token-file`, to the command as `access`."""

    @wraps(command)
    def with_access(*args: Any, token: str, token_file: str, **more: Any) -> T:
        accept_new = more.pop("accept_new", False)
        return command(*args, access=given_access(token, token_file, accept_new), **more)

    return _TOKEN(_TOKEN_FILE(with_access))


def given_access(token: str, token_file: str, accept_new: bool = False) -> Access:
    """How hosts are to let us in, as the command line says.

    Raises:
        UsageError: both options are given.
    """
    from runyard.hosts.site import Access

    if token and token_file:
        raise click.UsageError(
            "give either --token or --token-file", click.get_current_context(silent=True)
        )
    if token and token != "runner-token":  # noqa: S105 - the public default of agents
        from runyard.cli.views.plain import tell

        tell("runyard: warning: `ps` shows --token to everybody here; --token-file does not")
    path = token_file and os.path.abspath(os.path.expanduser(token_file))
    return Access(token, path, accept_new)


def given_options(
    variables: Sequence[str],
    var_files: Sequence[str],
    local: bool,
    limit: Sequence[str],
    tags: Sequence[str],
    inventory: Sequence[str] = (),
) -> RunOptions:
    """What was given on the command line.

    Raises:
        UsageError: a variable is wrong.
    """
    from runyard.hosts.pattern import split_patterns
    from runyard.service.job import RunOptions

    return RunOptions(
        vars=read_variables(variables, var_files),
        local=local,
        inventory=tuple(inventory),
        limit=tuple(p for text in limit for p in split_patterns(text)),
        tags=split_words(tags),
    )


def split_words(values: Sequence[str]) -> tuple[str, ...]:
    """`("a,b", "c")` as `("a", "b", "c")`."""
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())
