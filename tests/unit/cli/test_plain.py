"""The view for pipes, while steps on many hosts keep their output back."""

from __future__ import annotations

import asyncio
import os

import pytest

from runyard.cli import grouped_step
from runyard.cli.narrator import Narrator
from runyard.cli.pipe import Pipe
from runyard.cli.style import Paint
from runyard.cli.views import plain
from runyard.cli.views.plain import PlainView
from tests.unit.cli.items import chunk, event, result, started

HOSTS = [f"h{n:02d}" for n in range(30)]


async def until(reader: int, text: str) -> str:
    """What was written, once `text` is in it."""
    seen = ""
    async with asyncio.timeout(30):
        while text not in seen:
            await asyncio.sleep(0.01)
            try:
                seen += os.read(reader, 1 << 16).decode()
            except BlockingIOError:
                continue
    return seen


@pytest.mark.parametrize("quiet", [False, True])
def test_a_long_step_is_not_silent(monkeypatch: pytest.MonkeyPatch, quiet: bool) -> None:
    monkeypatch.setattr(plain, "PERIOD", 0.005)
    monkeypatch.setattr(plain, "SILENCE", 0.02)
    monkeypatch.setattr(grouped_step, "PATIENCE", 0.01)
    reader, writer = os.pipe()
    os.set_blocking(reader, False)

    async def main() -> None:
        pipe = Pipe(writer)
        view = PlainView(Narrator(Paint()), pipe, quiet=quiet)
        await view.show(started("build", *HOSTS))
        await view.show(event("attempt.started", "build", "h00", n=1))
        await view.show(chunk(b"working\n", host="h00"))
        if not quiet:
            await until(reader, "h00 | working\n")
            await until(reader, "~ build: 0 of 30 hosts done, 1 running\n")
        await view.show(result("build", "h00"))
        await view.show(event("step.finished", "build", status="success"))
        await view.close()
        await pipe.close()

    asyncio.run(main())
    os.close(writer)
    try:
        rest = os.read(reader, 1 << 16).decode()
    finally:
        os.close(reader)
    assert ("= 1 success, 29 not started" in rest) is not quiet
    assert rest == "" or not quiet


def test_the_view_of_a_few_hosts_needs_no_clock() -> None:
    reader, writer = os.pipe()

    async def main() -> None:
        pipe = Pipe(writer)
        view = PlainView(Narrator(Paint()), pipe)
        await view.show(started("build", "a", "b"))
        assert len(asyncio.all_tasks()) == 1
        await view.close()
        await pipe.close()

    asyncio.run(main())
    os.close(reader)
    os.close(writer)
