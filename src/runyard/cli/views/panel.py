"""The lower part of the live view: running steps, where their hosts are, and the run."""

from __future__ import annotations

import time
from heapq import nsmallest
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING

from runyard.cli.style import color_of
from runyard.cli.text import clip, count, for_screen, pad, width
from runyard.cli.views.board import Board, StepNow
from runyard.cli.views.hostmap import GLYPHS
from runyard.model.duration import format_duration

if TYPE_CHECKING:
    from rich.text import Text

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_STEPS = 6
_HOSTS = 5
_NAME = 24
_MAP_ROWS, _MAP_FROM = 3, 8
"""Rows of the map of a step's hosts at most, and the number of hosts from which on there is one."""
_FOOT = 70
"""Columns for what stands behind the title: time, steps, failures, the id, how to stop."""


class Panel:
    """Draws a board with rich, in as many lines as there is room for."""

    def __init__(self, color: bool) -> None:
        self._color = color

    def lines(self, board: Board, columns: int, rows: int) -> list[str]:
        """At most a third of the screen; at least the line about the run."""
        from rich.console import Console
        from rich.table import Table

        room = max(1, rows // 3)
        now = time.time()
        body = self._body(board, now, room - 1, columns)
        parts = [*body, self._foot(board, now, columns)][-room:]
        grid = Table.grid(padding=0)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        for part in parts:
            grid.add_row(part)
        out = StringIO()
        console = Console(
            file=out,
            width=max(1, columns - 1),
            force_terminal=True,
            color_system="standard" if self._color else None,
            no_color=not self._color,
            legacy_windows=False,
            highlight=False,
        )
        console.print(grid)
        return [line.rstrip() for line in out.getvalue().splitlines()]

    def _body(self, board: Board, now: float, room: int, columns: int) -> list[Text]:
        steps = board.now
        most = max(0, min(_STEPS, room))
        shown = steps if len(steps) <= most else steps[: max(0, most - 1)]
        lines = [self._step(step, now) for step in shown]
        if 0 < most < len(steps):
            lines.append(self._more(len(steps) - len(shown)))
        lines += [self._waiting(step, now, since) for step, since in board.waiting.items()]
        spare = room - len(lines)
        if len(shown) == 1 and shown[0].hosts_in_all > 1:
            map_ = self._map(shown[0], columns - 5, min(_MAP_ROWS, spare - 2))
            lines[1:1] = map_
            lines += self._hosts(shown[0], now, min(spare - len(map_), _HOSTS))
        return lines

    def _map(self, step: StepNow, columns: int, rows: int) -> list[Text]:
        """A cell for each host, or for several in a row where there are more than fit."""
        from rich.text import Text

        if step.hosts_in_all < _MAP_FROM or rows < 1 or columns < 1:
            return []
        cells = step.map.cells(columns * rows)
        lines = []
        for at in range(0, len(cells), columns):
            text = Text("   ", no_wrap=True, overflow="ellipsis")
            for state, run in groupby(cells[at : at + columns]):
                glyph, color = GLYPHS[state]
                text.append(glyph * len(list(run)), color)
            lines.append(text)
        return lines

    def _step(self, step: StepNow, now: float) -> Text:
        from rich.text import Text

        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(_FRAMES[int(now * 10) % len(_FRAMES)], "cyan")
        if step.index and step.total:
            text.append(f" [{step.index}/{step.total}]", "dim")
        text.append(f" {for_screen(step.name, color=False)}", "bold")
        text.append(f"  {format_duration(max(0.0, now - step.started))}", "dim")
        if step.hosts_in_all > 1:
            text.append(f"  {step.finished_hosts}/{step.hosts_in_all} hosts")
            if step.hosts:
                text.append(f", {len(step.hosts)} running", "blue")
            for status, hosts in sorted(step.done.items()):
                text.append(f", {hosts} {status}", color_of(status))
        elif last := next(iter(step.last.values()), ""):
            text.append(f"  {for_screen(last, color=False)}", "dim")
        return text

    def _more(self, steps: int) -> Text:
        from rich.text import Text

        return Text(f"  … and {count(steps, 'more step')} at work", "dim")

    def _waiting(self, step: str, now: float, since: float) -> Text:
        from rich.text import Text

        text = Text(no_wrap=True, overflow="ellipsis")
        text.append("? ", "yellow")
        text.append(for_screen(step, color=False), "bold")
        text.append(f"  {format_duration(max(0.0, now - since))}", "dim")
        text.append("  waits for approval", "yellow")
        return text

    def _hosts(self, step: StepNow, now: float, room: int) -> list[Text]:
        from rich.text import Text

        lines = []
        longest_first = nsmallest(max(0, room), step.hosts.items(), key=lambda pair: pair[1])
        shown = {host: clip(for_screen(host, color=False), _NAME) for host, _ in longest_first}
        longest = max(map(width, shown.values()), default=0)
        for host, since in longest_first:
            text = Text(no_wrap=True, overflow="ellipsis")
            text.append(f"   {pad(shown[host], longest)}", "cyan")
            text.append(f" {format_duration(max(0.0, now - since))}", "dim")
            last = step.last.get(host)
            if last:
                text.append(f"  {for_screen(last, color=False)}", "dim")
            lines.append(text)
        return lines

    def _foot(self, board: Board, now: float, columns: int) -> Text:
        from rich.text import Text

        text = Text(no_wrap=True, overflow="ellipsis")
        title = clip(for_screen(board.title, color=False), max(8, columns - _FOOT))
        text.append(title or "run", "bold")
        text.append(f"  {format_duration(max(0.0, now - board.began))}")
        if board.total:
            text.append(f"  {board.finished}/{board.total} steps")
        if board.failed:
            text.append(f", {board.failed} failed", "red")
        text.append("  Ctrl-C cancels", "dim")
        if columns >= _FOOT:
            text.append(f"  {board.run_id}", "dim")
        return text
