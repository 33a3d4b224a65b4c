"""Steps that run in containers, for tests."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from runyard.hosts.dummy import DummyConnector
from runyard.model.action import Work
from runyard.model.result import Outcome
from runyard.runners.actions.docker import DockerRun
from runyard.runners.params import resolve_args
from runyard.service.job import RunOptions
from runyard.service.runs import Runs
from runyard.service.started import Started
from runyard.store.home import Home
from runyard.store.output import OutputStore
from tests.integration.dockerd import IMAGE, Daemon
from tests.integration.support import job, run, with_runs

STEP = "s"


def workflow(args: dict[str, Any], vars: dict[str, Any] | None = None, **keys: Any) -> str:
    """A document with one step, `s`, that runs a container of busybox without a network."""
    given = {"image": IMAGE, "network": "none", **args}
    step = {"name": STEP, "action": "docker.run", "args": given, **keys}
    return f"vars: {json.dumps(vars or {})}\nsteps: [{json.dumps(step)}]\n"


async def outcome(runs: Runs, args: dict[str, Any], **keys: Any) -> Outcome:
    """Run it to its end."""
    _, started = await run(runs, workflow(args, **keys))
    return started.results[0].outcome


def outcome_in(home: Path, args: dict[str, Any], **keys: Any) -> Outcome:
    """The same in a state home that is opened for it alone."""
    found: list[Outcome] = []

    async def scenario(runs: Runs) -> None:
        found.append(await outcome(runs, args, **keys))

    with_runs(home, scenario)
    return found[0]


async def begin(runs: Runs, args: dict[str, Any], **keys: Any) -> Started:
    """Start it, and do not wait."""
    return await runs.start(job(workflow(args, **keys)), RunOptions())


async def perform(home: Path, args: dict[str, Any], **more: Any) -> Outcome:
    """The action by itself, as an attempt of a run in `home`."""
    run_id = "run-00000001"
    attempt = f"{run_id}/{STEP}/local/1"
    store = OutputStore(Home(home))
    action = DockerRun()
    given = resolve_args(action.params, {"image": IMAGE, "network": "none", **args})
    there = store.attempt(run_id, attempt)
    work = Work(attempt, "local", DummyConnector(), given, output=there, **more)
    try:
        return await action.run(work)
    finally:
        store.close()


def ours(docker: Daemon) -> list[dict[str, Any]]:
    """Containers that runyard has made."""
    return [c for c in docker.containers() if "runyard.attempt" in c["Labels"]]


async def running(docker: Daemon) -> dict[str, Any]:
    """The one container of ours, inspected when it runs."""

    def look() -> list[dict[str, Any]]:
        return [c for c in ours(docker) if c["State"] == "running"]

    found = await until(look)
    return docker.inspect(found[0]["Id"])


async def until(look: Callable[[], Any] | Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
    """Wait until `look` finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come")
