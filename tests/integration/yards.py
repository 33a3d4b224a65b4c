"""A local connector for the supervisor's tests, and what they look at."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from runyard.hosts.local import LocalConnector
from runyard.model.execution import Exec, Exit

RUN = "run-00000001"

# A process that owns a supervisor and waits for one attempt: HOME ATTEMPT SHELL-TEXT.
OWNER = """
import asyncio, sys
from pathlib import Path
from runyard.hosts.local import LocalConnector
from runyard.model.execution import Exec

async def main():
    host = LocalConnector(Path(sys.argv[1]), "test")
    await host.connect()
    await host.exec(Exec(sys.argv[2], ("sh", "-c", sys.argv[3])))

asyncio.run(main())
"""


def attempt(step: str, n: int = 1) -> str:
    return f"{RUN}/{step}/here/{n}"


def shell(text: str, step: str = "s", n: int = 1, **more: Any) -> Exec:
    """An execution of a shell text."""
    return Exec(attempt(step, n), ("sh", "-c", text), **more)


@asynccontextmanager
async def local(home: Path, owner: str = "test", epoch: int = 1) -> AsyncIterator[LocalConnector]:
    connector = LocalConnector(home, owner, epoch)
    await connector.connect()
    try:
        yield connector
    finally:
        await connector.close()


def execute(home: Path, *works: Exec) -> list[Exit]:
    """Run all of them at once on a supervisor of their own."""

    async def run() -> list[Exit]:
        async with local(home) as host:
            return list(await asyncio.gather(*(host.exec(work) for work in works)))

    return asyncio.run(run())


def alive(pid: int) -> bool:
    """True when `pid` is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rfind(")") + 2] not in "ZX"


def spool(home: Path) -> Path:
    return home / "runs" / RUN / "output"


async def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        await asyncio.sleep(0.01)


async def pid_in(path: Path) -> int:
    """The number that a process writes to `path`, once it is there."""
    await until(lambda: path.exists() and path.read_text().endswith("\n"), f"{path} written")
    return int(path.read_text())


async def outcome(task: Awaitable[Exit], seconds: float = 30.0) -> Exit:
    return await asyncio.wait_for(task, seconds)


def kill(pid: int, number: int) -> None:
    os.kill(pid, number)
