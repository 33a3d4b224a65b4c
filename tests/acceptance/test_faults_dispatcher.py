"""A dispatcher that dies in the middle, over agents, SSH and here at once, and is resumed."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.agents import Agents, far
from tests.acceptance.dispatcher import (
    Dispatcher,
    dispatcher,
    is_whole,
    kill,
    lines_of,
    numbers,
    until,
    write,
)
from tests.acceptance.processes import supervisors
from tests.integration.sshd import Sshd

HOSTS = ("a1", "a2", "s1", "s2", "here")
# Each start leaves a line. It goes on until it is told to end, wherever its dispatcher is.
WORK = """
echo "work ${RUNYARD_HOST}" >> ${PLACE}/starts
n=0
while [ -e ${PLACE}/stay ] || [ $n -lt 50 ]; do
  n=$((n + 1)); echo "line $n"; sleep 0.02
done
echo $n > ${PLACE}/last-${RUNYARD_HOST} || true
"""
STEPS = (
    {"name": "before", "script": 'echo "before ${RUNYARD_HOST}" >> ${PLACE}/starts'},
    {"name": "work", "script": WORK},
    {"name": "after", "script": 'echo "after ${RUNYARD_HOST}" >> ${PLACE}/starts'},
)


def workflow(folder: Path, place: Path, agents: Agents, sshd: Sshd) -> Path:
    hosts = {
        "a1": agents.host(agents()),
        "a2": agents.host(agents()),
        "s1": far(sshd),
        "s2": far(sshd),
        "here": {},
    }
    return write(folder, hosts, *STEPS, vars={"PLACE": str(place)})


def everybody_works(place: Path) -> Callable[[], bool]:
    return lambda: all(lines_of(place / "starts")[f"work {host}"] for host in HOSTS)


async def check(run: Dispatcher, place: Path) -> None:
    """Everything happened once, every line is there, and nothing of ours is left."""
    expected = Counter(f"{step} {host}" for step in ("before", "work", "after") for host in HOSTS)
    assert lines_of(place / "starts") == expected
    record = await run.record(place.name)
    assert record["status"] == "success"
    results = await run.hosts("work", place.name)
    for host in HOSTS:
        found = numbers(await run.raw("work", host, place.name))
        assert is_whole(found, 50), f"{host}: {found[:3]} … {found[-3:]}"
        assert found[-1] == int((place / f"last-{host}").read_text())
        assert results[host]["status"] == "success"
    await until(lambda: not supervisors(place.name), "its supervisors have gone")


def test_killed_in_the_middle_and_resumed(
    tmp_path: Path, place: Path, agents: Agents, sshd: Sshd
) -> None:
    file = workflow(tmp_path, place, agents, sshd)

    async def scenario() -> None:
        async with dispatcher(tmp_path, sshd.environment) as run:
            first = await run.start("run", file, "--run-id", place.name)
            await until(everybody_works(place), "all five at work", first)
            await kill(first)
            assert (await run.record(place.name))["status"] == "interrupted"
            await asyncio.sleep(0.5)  # lines that nobody is there to take
            resumed = await run.start("resume", place.name, "-o", "plain")
            (place / "stay").unlink()
            out, err = await resumed.communicate()
            assert resumed.returncode == 0, out + err
            # The one who resumes sees it whole: what was printed before, and in between.
            for host in HOSTS:
                shown = [
                    line.partition("| ")[2]
                    for line in out.decode().splitlines()
                    if line.startswith(f"{host} ") and "| line" in line
                ]
                assert is_whole(numbers("\n".join(shown)), 50), host
            await check(run, place)

    asyncio.run(scenario())


@pytest.mark.parametrize("delays", [(0.25, 0.3, 0.35, 0.4), (0.5, 0.2, 0.7, 0.3)])
def test_killed_again_and_again_at_any_moment(
    delays: tuple[float, ...], tmp_path: Path, place: Path, agents: Agents, sshd: Sshd
) -> None:
    """While it connects, while steps begin, while it attaches again: whatever it is just doing."""
    file = workflow(tmp_path, place, agents, sshd)

    async def scenario() -> None:
        async with dispatcher(tmp_path, sshd.environment) as run:
            words: tuple[str | Path, ...] = ("run", file, "--run-id", place.name)
            for delay in delays:
                process = await run.start(*words)
                await asyncio.sleep(delay)
                await kill(process)
                if (await run("show", place.name)).code == 0:
                    words = ("resume", place.name)
            process = await run.start(*words)
            await until(everybody_works(place), "all five at work", process)
            (place / "stay").unlink()
            out, err = await process.communicate()
            assert process.returncode == 0, (out + err).decode()
            await check(run, place)

    asyncio.run(scenario())


def test_what_somebody_still_looks_after_is_not_resumed(
    tmp_path: Path, place: Path, agents: Agents, sshd: Sshd
) -> None:
    """Nor while its owner is merely stopped; it goes on as if nothing had been."""
    file = workflow(tmp_path, place, agents, sshd)

    async def scenario() -> None:
        async with dispatcher(tmp_path, sshd.environment) as run:
            owner = await run.start("run", file, "--run-id", place.name)
            await until(everybody_works(place), "all five at work", owner)
            for number in (0, signal.SIGSTOP):
                owner.send_signal(number)
                refused = await run("resume", place.name)
                assert refused.code == 1, refused
                assert "error[RUN_ACTIVE]" in refused.err, refused
            owner.send_signal(signal.SIGCONT)
            (place / "stay").unlink()
            out, err = await owner.communicate()
            assert owner.returncode == 0, (out + err).decode()
            await check(run, place)

    asyncio.run(scenario())
