"""Workflows from text, run for real in a state home of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from textwrap import dedent
from typing import Any

from runyard.model.event import Event
from runyard.model.run import RunRecord
from runyard.runners.registry import ActionRegistry
from runyard.service.job import Job, RunOptions
from runyard.service.runs import Runs
from runyard.service.started import Started
from runyard.store.home import Home
from runyard.workflow.load import loads


def job(text: str, path: str = "<test>") -> Job:
    """A job from a workflow's text; `version` and `name` may be left out."""
    text = dedent(text).lstrip()
    if not text.startswith("version"):
        text = f"version: v0.1\nname: test\n{text}"
    return Job.of(loads(text, path=path, actions=ActionRegistry()))


def with_runs(
    home: Path, scenario: Callable[[Runs], Coroutine[Any, Any, None]], **options: Any
) -> None:
    """Open the runs of `home` for one scenario."""

    async def main() -> None:
        async with Runs.open(Home(home), **options) as runs:
            await scenario(runs)

    asyncio.run(main())


async def run(runs: Runs, text: str, **options: Any) -> tuple[RunRecord, Started]:
    """Run a workflow to its end."""
    started = await runs.start(job(text), RunOptions(**options))
    return await started.wait(), started


async def events_of(runs: Runs, run_id: str) -> list[Event]:
    return [event async for event in runs.events(run_id)]


async def until(runs: Runs, run_id: str, type: str, step: str = "") -> Event:
    """Wait for an event."""
    async with asyncio.timeout(20):
        async for event in runs.events(run_id, follow=True):
            if event.type == type and step in ("", event.step):
                return event
    raise AssertionError(f"no {type}")


async def text_of(runs: Runs, run_id: str, **only: Any) -> str:
    chunks = [chunk.data async for chunk in runs.logs(run_id, **only)]
    return b"".join(chunks).decode()
