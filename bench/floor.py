"""The floors: what starting no-op processes costs with nothing around it.

    python -m bench.floor spawn|asyncio|parallel COUNT

Prints the seconds that it took.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE

from bench.bench import Bench
from bench.process import PYTHON, call

_AT_ONCE = 50


async def _one() -> None:
    child = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", "true", stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    await child.communicate()


async def _sequential(count: int) -> None:
    for _ in range(count):
        await _one()


async def _parallel(count: int) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def gated() -> None:
        async with gate:
            await _one()

    await asyncio.gather(*(gated() for _ in range(count)))


def _spawn(count: int) -> None:
    for _ in range(count):
        pid = os.posix_spawn("/bin/sh", ["sh", "-c", "true"], os.environ)
        os.waitpid(pid, 0)


def measure(bench: Bench, kind: str, count: int) -> float:
    """Seconds of a floor, taken in a process of its own."""
    return float(call([PYTHON, "-m", "bench.floor", kind, str(count)], bench.env()).stdout)


def main(kind: str, count: int) -> None:
    start = time.perf_counter()
    if kind == "spawn":
        _spawn(count)
    elif kind == "asyncio":
        asyncio.run(_sequential(count))
    else:
        asyncio.run(_parallel(count))
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
