"""Data on stdout: aligned tables, JSON, YAML."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from runyard.cli.settings import is_terminal
from runyard.cli.text import clip, pad, width

F = TypeVar("F", bound=Callable[..., Any])
GAP = "  "


def output_option(
    *formats: str, default: str | None = None, help: str = "How to print it."
) -> Callable[[F], F]:
    """The option `-o/--output`; formats default to table, json, yaml."""
    choices = formats or ("table", "json", "yaml")
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(choices),
        default=default or choices[0],
        show_default=True,
        help=help,
    )


def dump(data: Any, form: str) -> str:
    """`data` as JSON (`json`) or YAML (`yaml`) text."""
    if form == "yaml":
        import yaml

        plain = json.loads(json.dumps(data, ensure_ascii=False, default=str))
        text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
        return text.rstrip("\n")
    return json.dumps(data, ensure_ascii=False, indent=2, default=str)


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    columns: int | None = None,
    paint: Callable[[int, str], str] | None = None,
) -> str:
    """Rows under headers, left-aligned, two spaces between; the last column is not padded.

    `columns` is the width to fit: the last column is clipped to it. `paint(column, cell)` colours
    a cell after it was measured.
    """
    cells = [list(headers), *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max(width(row[i]) for row in cells) for i in range(len(headers))]
    lines = []
    for n, row in enumerate(cells):
        fixed = sum(w + len(GAP) for w in widths[:-1])
        last = row[-1] if columns is None else clip(row[-1], max(8, columns - fixed))
        line = []
        for i, cell in enumerate([*row[:-1], last]):
            shown = paint(i, cell) if paint is not None and n else cell
            line.append(shown + " " * (widths[i] - width(cell)) if i < len(row) - 1 else shown)
        lines.append(GAP.join(line).rstrip())
    return "\n".join(lines)


def _one_line(cell: str) -> str:
    return " ".join(cell.split("\n")) if "\n" in cell else cell


def fields(data: Mapping[str, str]) -> str:
    """`name  value` lines, aligned; empty values are left out."""
    shown = {name: value for name, value in data.items() if value}
    longest = max((width(name) for name in shown), default=0)
    return "\n".join(f"{pad(name, longest)}  {value}" for name, value in shown.items())


def screen_columns() -> int | None:
    """Columns of the terminal that stdout is; None for a pipe: nothing is clipped there."""
    return shutil.get_terminal_size().columns if is_terminal() else None


def moment(at: float | None) -> str:
    """A time for people: local, to the second; `-` for none."""
    import time

    return "-" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
