"""A click group whose commands are imported when they are named, and our kind of command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click

from runyard.cli.settings import COLORS, Settings


class Entry(NamedTuple):
    """Where a command lives (`module:attribute`) and its line in the list of commands."""

    target: str
    short_help: str
    section: str


class Command(click.Command):
    """A command with examples in its help, and the options that every command has."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **more: Any) -> None:
        more["params"] = [*(more.get("params") or ()), *common_options()]
        super().__init__(*args, **more)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
        super().format_epilog(ctx, formatter)


def common_options() -> list[click.Parameter]:
    """Fresh `--quiet` and `--color` options; they write into the context's Settings."""
    return [
        click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            callback=_set_quiet,
            help="Print only what went wrong.",
        ),
        click.Option(
            ["--color"],
            type=click.Choice(COLORS),
            expose_value=False,
            callback=_set_color,
            help="Colours; the default auto obeys NO_COLOR and asks whether it is a terminal.",
        ),
    ]


def _set_quiet(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Settings).quiet = True


def _set_color(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value:
        ctx.ensure_object(Settings).color = value


class LazyGroup(click.Group):
    """Lists its commands from a table; imports one only to run it or to explain it."""

    def __init__(self, *args: Any, table: Mapping[str, Entry], **more: Any) -> None:
        super().__init__(*args, **more)
        self.params.extend(common_options())
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        from importlib import import_module

        module, _, attribute = entry.target.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.target} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.table and not name.startswith("-"):
            known = [*self.table, "--help", "--version"]
            raise click.UsageError(f"no command {name!r}{did_you_mean(name, known)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, entry in self.table.items():
            sections.setdefault(entry.section, []).append((name, entry.short_help))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def did_you_mean(word: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """`; did you mean 'run'?`, or nothing when no known word is near."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
