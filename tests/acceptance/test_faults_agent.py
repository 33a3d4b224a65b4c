"""Agents that die and come back, or do not; two dispatchers that want the same; a slow reader."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.acceptance.agents import Agent, Agents
from tests.acceptance.dispatcher import (
    dispatcher,
    ended,
    is_whole,
    lines_of,
    marked,
    numbers,
    until,
    write,
)
from tests.integration.agent_process import alive

WORK = """
echo "work ${WHO}" >> ${PLACE}/starts
sleep 3600.${MARK} &
n=0
while [ -e ${PLACE}/stay ] || [ $n -lt 50 ]; do
  n=$((n + 1)); echo "line $n"; sleep 0.02
done
kill $!
"""


def task(name: str, place: Path, **more: Any) -> dict[str, Any]:
    """The work as an original dispatcher orders it."""
    variables = {"PLACE": str(place), "WHO": name, "MARK": "1"}
    step = {"name": "work", "action": "shell.run", "args": {"script": WORK}}
    return {"task": {"ID": name, "RunID": "", "Step": step, "Vars": variables, **more}}


async def post(agent: Agent, order: dict[str, Any]) -> None:
    """Order a task, and do not wait for more than its start."""
    status, _ = await asyncio.to_thread(agent.ask, "POST", "/run", order)
    assert status == 200


def test_an_agent_is_killed_and_comes_back(tmp_path: Path, place: Path, agents: Agents) -> None:
    """What was ordered through its door goes on, and what was ordered by `/run`, too."""
    agent = agents()
    supervisor = agent.supervisor()
    file = write(
        tmp_path,
        {"a": agents.host(agent)},
        {"name": "work", "script": WORK},
        vars={"PLACE": str(place), "WHO": "door", "MARK": "1"},
    )

    async def scenario() -> None:
        async with dispatcher(tmp_path) as run:
            process = await run.start("run", file)
            ordered = asyncio.ensure_future(post(agent, task("wire", place)))
            both = Counter({"work door": 1, "work wire": 1})
            await until(lambda: lines_of(place / "starts") == both, "both at work", process)
            await ordered
            for pause in (0.0, 0.7):
                agent.kill()
                await asyncio.sleep(pause)
                agent.start()
            assert agent.supervisor() == supervisor
            status, known = agent.ask("POST", "/run", task("wire", place))  # attaches
            assert (status, known["result"]["status"]) == (200, "running")
            (place / "stay").unlink()
            done = await ended(process)
            assert done.code == 0, done
            assert is_whole(numbers(await run.raw("work", "a")), 50)
        result = agent.outcome("wire")
        assert (result["status"], result["output"]["ended_by"]) == ("success", "exit")
        assert is_whole(numbers(result["output"]["stdout"]), 50)
        assert lines_of(place / "starts") == both

    asyncio.run(scenario())


def test_agent_and_supervisor_are_killed(tmp_path: Path, place: Path, agents: Agents) -> None:
    """What they did is reported as lost, once the agent is back; nothing of it is left."""
    agent, mark = agents(), f"2{os.getpid()}"
    variables = {"PLACE": str(place), "WHO": "door", "MARK": mark}
    file = write(
        tmp_path, {"a": agents.host(agent)}, {"name": "work", "script": WORK}, vars=variables
    )
    sleeper = f"3600.{mark}"

    async def scenario() -> None:
        async with dispatcher(tmp_path) as run:
            process = await run.start("run", file)
            wire = task("wire", place, Vars={**variables, "WHO": "wire"})
            ordered = asyncio.ensure_future(post(agent, wire))
            await until(lambda: marked(sleeper) == 2, "both at work", process)
            await ordered
            supervisor = agent.supervisor()
            agent.kill()
            os.kill(supervisor, signal.SIGKILL)
            await until(lambda: not alive(supervisor), "the supervisor has gone")
            assert marked(sleeper) == 2  # nobody has asked for them to go
            agent.start()
            done = await ended(process)
            assert done.code == 1, done
            record = await run.record()
            result = (await run.hosts("work"))["a"]
        assert record["status"] == "failed"
        assert (result["status"], result["output"]["ended_by"]) == ("error", "lost"), result
        assert "the supervisor of this attempt died" in result["message"]
        lost = agent.outcome("wire")
        assert (lost["status"], lost["output"]["ended_by"]) == ("failed", "lost"), lost
        assert marked(sleeper) == 0
        assert lines_of(place / "starts") == Counter({"work door": 1, "work wire": 1})

    asyncio.run(scenario())


def test_tasks_that_are_posted_twice_at_once(place: Path, agents: Agents) -> None:
    """By ten dispatchers each, at the same moment: one start, and all are told the same."""
    agent, rounds = agents(), 10
    script = 'echo "$ID" >> "$PLACE/starts"; echo "only $ID"'

    def order(name: str) -> dict[str, Any]:
        step = {"name": "s", "action": "cmd.run", "args": {"cmd": script}}
        variables = {"PLACE": str(place), "ID": name}
        return {"task": {"ID": name, "RunID": "", "Step": step, "Vars": variables}}

    with ThreadPoolExecutor(10) as pool:
        for n in range(rounds):
            asked = [pool.submit(agent.ask, "POST", "/run", order(f"t{n}")) for _ in range(10)]
            answers = [each.result() for each in asked]
            assert {status for status, _ in answers} == {200}
            told = {json.dumps(answer, sort_keys=True) for _, answer in answers}
            assert len(told) == 1
            result = answers[0][1]["result"]
            assert (result["status"], result["output"]["stdout"]) == ("success", f"only t{n}\n")
    assert lines_of(place / "starts") == Counter({f"t{n}": 1 for n in range(rounds)})


def test_two_dispatchers_with_one_run_id(tmp_path: Path, place: Path, agents: Agents) -> None:
    """Each with a state of its own, as on two machines: the agent starts everything once."""
    agent = agents()
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    variables = {"PLACE": str(place), "WHO": "both", "MARK": "3"}

    async def scenario() -> None:
        async with dispatcher(folders[0]) as one, dispatcher(folders[1]) as two:
            both = [
                await run.start(
                    "run",
                    write(
                        run.folder,
                        {"a": agents.host(agent)},
                        {"name": "work", "script": WORK},
                        vars=variables,
                    ),
                    "--run-id", place.name,
                )
                for run in (one, two)
            ]  # fmt: skip
            spools = [folder / "state/runs" / place.name / "output" for folder in folders]

            def attached() -> bool:
                return all(any(file.stat().st_size for file in path.glob("*")) for path in spools)

            await until(attached, "both have output", both[0])
            (place / "stay").unlink()
            for process in both:
                done = await ended(process)
                assert done.code == 0, done
            found = [numbers(await run.raw("work", "a")) for run in (one, two)]
            assert found[0] == found[1]
            assert is_whole(found[0], 50)
        assert lines_of(place / "starts") == Counter({"work both": 1})

    asyncio.run(scenario())


def peak(pid: int) -> int:
    """The most memory that a process has held at a time, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def test_a_reader_who_does_not_read(tmp_path: Path, agents: Agents) -> None:
    """50 MB while nobody takes the dispatcher's output: all of it is there, in little memory."""
    agent, size = agents(), 50_000_000
    line = "x" * 99
    script = f"yes {line} | head -c {size}; echo; echo end"
    file = write(tmp_path, {"a": agents.host(agent)}, {"name": "much", "script": script})

    async def scenario() -> None:
        async with dispatcher(tmp_path) as run:
            process = await run.start("run", "-o", "plain", file)
            assert process.stdout is not None
            # asyncio itself takes 128 KiB and no more until somebody asks.
            spool = tmp_path / "state" / "runs"

            def arrived() -> int:
                return sum(path.stat().st_size for path in spool.glob("*/output/*"))

            await until(lambda: arrived() >= size, "the output has arrived", process)
            for pid, most in ((process.pid, 100e6), (agent.pid, 80e6), (agent.supervisor(), 40e6)):
                assert peak(pid) < most
            done = await ended(process)
            assert done.code == 0, done.err
            shown = Counter(re.findall(r"^a \| (.*)$", done.out, re.MULTILINE))
            assert shown == Counter({line: size // 100, "": 1, "end": 1})
            assert len(await run.raw("much", "a")) == size + 5

    asyncio.run(scenario())
