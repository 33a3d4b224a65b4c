"""`runyard actions`."""

from __future__ import annotations

from typing import Any

import click

from runyard.cli.lazy import Command
from runyard.cli.render import output_option
from runyard.cli.settings import Settings
from runyard.model.action import Action, Param


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
        click.echo(_text(action, settings) if form == "table" else dump(shape(action), form))
        return 0
    known = [registry.require(each) for each in registry.names()]
    if form == "table":
        rows = [[action.name, _required(action), action.summary] for action in known]
        click.echo(table(["ACTION", "REQUIRED", "SUMMARY"], rows, columns=screen_columns()))
    else:
        click.echo(dump([shape(action) for action in known], form))
    return 0


def shape(action: Action) -> dict[str, Any]:
    """An action as data."""
    return {
        "name": action.name,
        "summary": action.summary,
        "idempotent": action.idempotent,
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


def _required(action: Action) -> str:
    words = [p.name for p in action.params if p.required]
    groups: dict[str, list[str]] = {}
    for p in action.params:
        if p.one_of:
            groups.setdefault(p.one_of, []).append(p.name)
    return ", ".join([*words, *("|".join(names) for names in groups.values())]) or "-"


def _text(action: Action, settings: Settings) -> str:
    from runyard.cli.render import screen_columns, table

    paint = settings.paint()
    again = "yes" if action.idempotent else "no"
    lines = [
        f"{paint(action.name, 'bold')}  {action.summary}",
        f"safe to run again after an interruption: {again}",
        "",
    ]
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
