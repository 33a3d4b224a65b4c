"""From a started run to an exit code: chooses the view, watches, sums up."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from runyard.cli.ending import exit_code
from runyard.cli.narrator import MANY, Narrator
from runyard.cli.pipe import Pipe
from runyard.cli.render import dump, screen_columns
from runyard.cli.session import service
from runyard.cli.settings import Settings, is_terminal
from runyard.cli.text import for_screen
from runyard.cli.views.plain import PlainView, tell
from runyard.cli.views.summary import summary, tolerated
from runyard.cli.views.view import View
from runyard.cli.watch import Watched, watch
from runyard.model.status import Status

if TYPE_CHECKING:
    from runyard.service.runs import Runs
    from runyard.service.started import Started


async def execute(
    start: Callable[[Runs], Awaitable[Started]],
    title: str,
    form: str,
    settings: Settings,
    *,
    quiet_start: bool = False,
) -> int:
    """Start a run, show it in `form` until it has ended, sum it up; returns the exit code.

    `quiet_start` does not tell which runs were found interrupted.
    """
    async with service(quiet=settings.quiet or quiet_start) as runs:
        started = await start(runs)
        pipe = Pipe()
        view = make_view(started.run_id, title, form, pipe, settings)
        silent = settings.quiet or form in ("json", "yaml")
        watched = await watch(runs, started, view, output=form == "jsonl" or not silent)
        await _end(watched, form, pipe, settings)
        return exit_code(watched.record, watched.ending)


def make_view(run_id: str, title: str, form: str, pipe: Pipe, settings: Settings) -> View:
    """The view that `form` and the terminal call for."""
    if form == "jsonl":
        from runyard.cli.views.jsonl import JsonlView

        return JsonlView(run_id, pipe)
    paint = settings.paint()
    group = {None: MANY, True: 1, False: None}[settings.group]
    if form == "auto" and is_terminal() and not settings.quiet and _can_draw():
        from runyard.cli.views.live import LiveView

        return LiveView(run_id, title, pipe, paint, group)
    clean = _screen if is_terminal() else str
    narrator = Narrator(paint, clean=clean, group=group)
    return PlainView(narrator, pipe, quiet=settings.quiet or form in ("json", "yaml"))


def _can_draw() -> bool:
    import os

    return os.environ.get("TERM", "") not in ("", "dumb")


def _screen(line: str) -> str:
    return for_screen(line)


async def _end(watched: Watched, form: str, pipe: Pipe, settings: Settings) -> None:
    record, hint = watched.record, watched.ending.hint
    failed = record.status is not Status.SUCCESS
    if form in ("json", "yaml"):
        await pipe.write(dump(record.to_dict(), form) + "\n")
    elif form != "jsonl" and not pipe.closed and (failed or not settings.quiet):
        last = summary(record, settings.paint(), hint, columns=screen_columns())
        await pipe.write(last + "\n")
    await pipe.close()
    if pipe.closed:
        why = pipe.error.strerror if pipe.error is not None else ""
        tell(f"runyard: stdout: {why}; run {record.run_id} ended: {record.status}")
    elif settings.quiet and not failed:
        for text in tolerated(record):
            tell(f"runyard: warning: {text}")
    elif form in ("json", "yaml", "jsonl") and failed:
        tell(summary(record, settings.paint(sys.stderr), hint))
