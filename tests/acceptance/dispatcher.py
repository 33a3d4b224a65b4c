"""The installed program at work beside a test: runs that are killed, canceled, resumed, read."""

from __future__ import annotations

import asyncio
import json
import os
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import PROGRAM

PATIENCE = 60.0


@dataclass(frozen=True)
class Done:
    """A process that has ended."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


@dataclass
class Dispatcher:
    """`runyard` with a state directory below `folder`; `env` is added to the environment.

    `prefix` are words before the program, such as `ip netns exec NAME`.
    """

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    started: list[Process] = field(default_factory=list)

    async def start(self, *words: str | Path) -> Process:
        """Start it; its output is to be read by whoever wants to know."""
        process = await asyncio.create_subprocess_exec(
            *self.prefix, PROGRAM, *map(str, words),
            cwd=self.folder,
            env={**os.environ, "RUNYARD_STATE": str(self.folder / "state"), **self.env},
            stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        self.started.append(process)
        return process

    async def __call__(self, *words: str | Path, seconds: float = PATIENCE * 2) -> Done:
        """Run it to its end."""
        return await ended(await self.start(*words), seconds)

    async def good(self, *words: str | Path) -> str:
        """What it prints when it succeeds, which it must."""
        done = await self(*words)
        assert done.code == 0, done
        return done.out

    async def record(self, run: str = "last") -> dict[str, Any]:
        """The record of a run."""
        found: dict[str, Any] = json.loads(await self.good("show", run, "-o", "json"))
        return found

    async def hosts(self, step: str, run: str = "last") -> dict[str, dict[str, Any]]:
        """What became of a step, by host."""
        steps = (await self.record(run))["steps"]
        return next((one["hosts"] for one in steps if one["name"] == step), {})

    async def events(self, run: str = "last") -> list[dict[str, Any]]:
        """The event log of a run."""
        found: list[dict[str, Any]] = json.loads(await self.good("events", run, "-o", "json"))
        return found

    async def raw(self, step: str, host: str, run: str = "last") -> str:
        """All that a step wrote on a host."""
        return await self.good("logs", run, "--step", step, "--host", host, "--raw")

    async def close(self) -> None:
        for process in self.started:
            if process.returncode is None:
                process.kill()
        await asyncio.gather(*(process.communicate() for process in self.started))


@asynccontextmanager
async def dispatcher(
    folder: Path, env: Mapping[str, str] | None = None, *, prefix: tuple[str, ...] = ()
) -> AsyncIterator[Dispatcher]:
    """One whose processes end with the block."""
    made = Dispatcher(folder, dict(env or {}), prefix)
    try:
        yield made
    finally:
        await made.close()


async def ended(process: Process, seconds: float = PATIENCE * 2) -> Done:
    """Wait for its end, reading what it prints."""
    out, err = await asyncio.wait_for(process.communicate(), seconds)
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


async def kill(process: Process) -> None:
    """kill -9, of what has not ended by itself."""
    assert process.returncode is None, await ended(process)
    process.kill()
    await process.communicate()


async def until(condition: Callable[[], object], what: str, process: Process | None = None) -> None:
    """Wait for something that must come, and come before `process` ends."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        late = time.monotonic() > deadline
        if late or (process is not None and process.returncode is not None):
            if process is None:
                raise AssertionError(f"never happened: {what}")
            if process.returncode is None:
                process.kill()
            raise AssertionError(f"never happened: {what}\n{await ended(process)}")
        await asyncio.sleep(0.02)


def write(folder: Path, hosts: Mapping[str, Any], *steps: Mapping[str, Any], **more: Any) -> Path:
    """A workflow; steps without an action are `shell.run` of their `script`."""
    made = [
        {"action": "shell.run", "args": {"script": step["script"]}}
        | {key: value for key, value in step.items() if key != "script"}
        if "script" in step
        else step
        for step in steps
    ]
    document = {
        "version": "v0.1", "name": "w", "inventory": {"hosts": dict(hosts)}, **more, "steps": made
    }  # fmt: skip
    path = folder / "w.yaml"
    path.write_text(json.dumps(document))
    return path


def lines_of(path: Path) -> Counter[str]:
    """How often each line is in a file that steps append to."""
    return Counter(path.read_text().splitlines() if path.exists() else ())


def numbers(text: str) -> list[int]:
    """The numbers of the lines `line N`."""
    return [int(line[5:]) for line in text.splitlines() if line.startswith("line ")]


def is_whole(found: list[int], least: int = 1) -> bool:
    """Whether the lines are 1, 2, 3, … and at least so many: each there, once, in order."""
    return len(found) >= least and found == list(range(1, len(found) + 1))


def census(beginning: str) -> Counter[str]:
    """How many processes of this machine have a word that begins so, by word."""
    found: Counter[str] = Counter()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        found.update({word for word in words if word.startswith(beginning)})
    return found


def marked(mark: str) -> int:
    """How many processes of this machine have the word `mark`."""
    return census(mark)[mark]
