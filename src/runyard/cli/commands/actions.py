"""`runyard actions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from runyard.cli.lazy import Command
from runyard.cli.render import output_option
from runyard.cli.settings import Settings
from runyard.model.action import Action, Param

if TYPE_CHECKING:
    from runyard.runners.registry import ActionRegistry


@click.command(
    "actions",
    cls=Command,
    examples=[
        "runyard actions",
        "runyard actions cmd.run",
        "runyard actions -o json | jq '.[].name'",
    ],
)
@click.argument("name", required=False)
@output_option()
@click.pass_obj
def actions(settings: Settings, name: str | None, form: str) -> int:
    """List every action that a step can name, or describe the action NAME and its arguments."""
    from runyard.cli.render import dump, screen_columns, table
    from runyard.runners.registry import ActionRegistry

    registry = ActionRegistry()
    if name is not None:
        action = registry.require(name)
        others = _aliases(registry, action.name)
        if form == "table":
            click.echo(_text(action, others, settings))
        else:
            click.echo(dump(shape(action, others), form))
        return 0
    known = [registry.require(each) for each in registry.names()]
    if form == "table":
        rows = [[each.name, _required(each), each.summary] for each in known]
        click.echo(table(["ACTION", "REQUIRED", "SUMMARY"], rows, columns=screen_columns()))
    else:
        click.echo(dump([shape(each, _aliases(registry, each.name)) for each in known], form))
    return 0


def shape(action: Action, aliases: Sequence[str] = ()) -> dict[str, Any]:
    """An action as data."""
    return {
        "name": action.name,
        "aliases": list(aliases),
        "summary": action.summary,
        "idempotent": action.idempotent,
        "supervised": action.supervised,
        "args": [
            {
                "name": p.name,
                "type": p.kind,
                "required": p.required,
                "default": p.default,
                "choices": list(p.choices),
                "one_of": p.one_of,
                "doc": p.doc,
            }
            for p in action.params
        ],
    }


def on_resume(action: Action) -> str:
    """What a resume does with an attempt that was in flight when its owner died."""
    if action.supervised:
        return "resume attaches to it again, it is never started twice"
    if action.idempotent:
        return "resume runs it again"
    return "resume reports it as interrupted; the next resume runs it again"


def _aliases(registry: ActionRegistry, name: str) -> list[str]:
    return [alias for alias, meant in registry.aliases().items() if meant == name]


def _required(action: Action) -> str:
    words = [p.name for p in action.params if p.required]
    groups: dict[str, list[str]] = {}
    for p in action.params:
        if p.one_of:
            groups.setdefault(p.one_of, []).append(p.name)
    return ", ".join([*words, *("|".join(names) for names in groups.values())]) or "-"


def _text(action: Action, aliases: Sequence[str], settings: Settings) -> str:
    from runyard.cli.render import fields, screen_columns, table

    paint = settings.paint()
    facts = {"also named": ", ".join(aliases), "after a crash": on_resume(action)}
    lines = [f"{paint(action.name, 'bold')}  {action.summary}", fields(facts), ""]
    if not action.params:
        return "\n".join([*lines, "no arguments"])
    rows = [[p.name, p.kind, _default(p), _doc(p)] for p in action.params]
    head = ["ARGUMENT", "TYPE", "DEFAULT", "MEANING"]
    return "\n".join([*lines, table(head, rows, columns=screen_columns())])


def _default(param: Param) -> str:
    if param.required:
        return "(required)"
    if param.one_of:
        return "(one of)"
    if param.default is None or param.default in ("", {}, (), []):
        return "-"
    return str(param.default).lower() if isinstance(param.default, bool) else str(param.default)


def _doc(param: Param) -> str:
    choices = f" ({', '.join(param.choices)})" if param.choices else ""
    return param.doc + choices
