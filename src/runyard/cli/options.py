"""The options that `run`, `plan` and `run --dry-run` have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runyard.cli.variables import read_variables

if TYPE_CHECKING:
    from runyard.service.job import RunOptions

FORMS = ("auto", "plain", "jsonl", "json", "yaml")

F = TypeVar("F", bound=Callable[..., Any])


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


def run_options(command: F) -> F:
    """`--var --var-file --local --limit --tags`."""
    for option in reversed(
        (
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
            click.option(
                "--limit",
                multiple=True,
                metavar="PATTERN",
                help="Only these hosts or groups: web1, 'web*', '!db1'. Repeatable, or commas.",
            ),
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


def given_options(
    variables: Sequence[str],
    var_files: Sequence[str],
    local: bool,
    limit: Sequence[str],
    tags: Sequence[str],
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
        limit=tuple(p for text in limit for p in split_patterns(text)),
        tags=split_words(tags),
    )


def split_words(values: Sequence[str]) -> tuple[str, ...]:
    """`("a,b", "c")` as `("a", "b", "c")`."""
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())
