"""Work on an agent of the original system: `/run`, polls of `/status`, `/cancel`."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.hosts.agent.connector import AgentConnector, Agents
from runyard.hosts.inventory import Host
from runyard.hosts.site import Access, Site
from runyard.model.errors import HostLost, NetworkError, SystemFault
from runyard.model.execution import Exec, Exit
from runyard.model.status import Status
from runyard.service.runs import Runs
from runyard.store.spool import spool_path
from runyard.supervisor.lost import captured
from tests.integration import support
from tests.integration.original_agent import OriginalAgent
from tests.integration.yards import alive, pid_in, until

RUN = f"run-original-{os.getpid()}"  # what other tests lose and sweep is not ours


@pytest.fixture
def agent() -> Iterator[OriginalAgent]:
    with OriginalAgent() as agent:
        yield agent


def work(text: str, n: int = 1, **more: object) -> Exec:
    return Exec(f"{RUN}/s/old/{n}", ("sh", "-c", text), **more)  # type: ignore[arg-type]


def site(tmp_path: Path, token: str = "") -> Site:
    return Site(tmp_path / "here", RUN, access=Access(token))


def connector(agent: OriginalAgent, tmp_path: Path, token: str = "") -> AgentConnector:
    return Agents(site(tmp_path, token)).open(Host("old", agent.address))


def kept(tmp_path: Path, n: int = 1) -> tuple[str, str]:
    path = spool_path(site(tmp_path).output, f"{RUN}/s/old/{n}")
    out, err = captured(str(path), 1 << 26)
    return out.text(), err.text()


def execute(agent: OriginalAgent, tmp_path: Path, work: Exec) -> Exit:
    async def main() -> Exit:
        host = connector(agent, tmp_path)
        try:
            await host.connect()
            return await host.exec(work)
        finally:
            await host.close(done=True)

    return asyncio.run(main())


def test_a_command_and_what_it_says(agent: OriginalAgent, tmp_path: Path) -> None:
    end = execute(
        agent, tmp_path, work('echo "out $X"; echo err >&2; pwd; exit 3', env={"X": "1"}, cwd="/")
    )
    assert (end.exit_code, end.ended_by) == (3, "exit")
    assert (end.stdout, end.stderr) == ("out 1\n/\n", "err\n")
    assert kept(tmp_path) == ("out 1\n/\n", "err\n")
    assert "original system" in end.warnings[0]
    assert agent.asked[0] == "POST /heartbeat"


def test_argv_is_never_a_shell_text(agent: OriginalAgent, tmp_path: Path) -> None:
    words = ("printf", "%s|", "a b", "$HOME", "'; echo no", "*", "")
    end = execute(agent, tmp_path, Exec(f"{RUN}/s/old/1", words))
    assert end.stdout == "a b|$HOME|'; echo no|*||"


def test_stdin(agent: OriginalAgent, tmp_path: Path) -> None:
    end = execute(agent, tmp_path, work("cat; env | grep -c STDIN", stdin=b"one\ntwo\n" * 20_000))
    assert end.stdout_bytes == 8 * 20_000 + 2
    end = execute(agent, tmp_path, work("cat", 2, stdin=b""))
    assert (end.ok, end.stdout) == (True, "")


def test_secrets_are_masked_and_exports_found(agent: OriginalAgent, tmp_path: Path) -> None:
    text = "echo BOPS_EXPORT:A=1; echo BOPS_EXPORT:B=$S; echo it is $S; exit 1"
    end = execute(
        agent,
        tmp_path,
        work(text, env={"S": "hidden-word"}, secrets={"S": "hidden-word"}, exports=True),
    )
    assert end.exports == {"A": "1", "B": "${secret:S}"}
    assert "hidden-word" not in end.stdout + "".join(kept(tmp_path))
    assert "it is ***" in end.stdout


def test_what_takes_long_is_polled_and_its_lines_come_as_they_are(
    agent: OriginalAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.integration.original_agent.SYNC", 0.1)
    go = tmp_path / "go"

    async def main() -> None:
        host = connector(agent, tmp_path)
        await host.connect()
        text = f"echo one; while ! [ -e {go} ]; do sleep 0.05; done; echo two"
        task = asyncio.create_task(host.exec(work(text)))
        await until(lambda: kept(tmp_path)[0] == "one\n", "the first line is here")
        go.touch()
        assert (await task).stdout == "one\ntwo\n"
        await host.close()

    asyncio.run(main())
    assert kept(tmp_path)[0] == "one\ntwo\n"
    assert agent.asked.count("POST /run") == 1


_LIFE = """
import asyncio, sys
from tests.integration.test_agent_dispatch_original import *

async def main(address, folder, run, text):
    host = Agents(Site(Path(folder) / "here", run)).open(Host("old", address))
    await host.connect()
    await host.exec(Exec(f"{run}/s/old/1", ("sh", "-c", text)))

asyncio.run(main(*sys.argv[1:]))
"""


def test_another_life_attaches_and_writes_no_line_twice(
    agent: OriginalAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.integration.original_agent.SYNC", 0.1)
    go = tmp_path / "go"
    text = (
        f"echo start >>{tmp_path}/starts; echo one;"
        f" while ! [ -e {go} ]; do sleep 0.05; done; echo two"
    )
    first = subprocess.Popen([sys.executable, "-c", _LIFE, agent.address, str(tmp_path), RUN, text])

    async def second() -> None:
        try:
            await until(lambda: kept(tmp_path)[0] == "one\n", "the first line is here")
        finally:
            first.kill()
            first.wait()
        host = connector(agent, tmp_path)
        await host.connect()
        assert await host.recall(f"{RUN}/s/old/1")
        assert not await host.recall(f"{RUN}/s/old/2")
        go.touch()
        end = await host.exec(work(text))
        assert (end.ok, end.stdout) == (True, "one\ntwo\n")
        await host.close()

    asyncio.run(second())
    assert (tmp_path / "starts").read_text() == "start\n"
    assert kept(tmp_path)[0] == "one\ntwo\n"


@pytest.mark.parametrize("by", ["timeout", "cancel"])
def test_timeout_and_cancel_reach_the_agent(
    agent: OriginalAgent, tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.integration.original_agent.SYNC", 0.1)

    async def main() -> None:
        host = connector(agent, tmp_path)
        await host.connect()
        asked = work(
            f"echo $$ >{tmp_path}/pid; exec sleep 1000", timeout=0.5 if by == "timeout" else None
        )
        task = asyncio.create_task(host.exec(asked))
        pid = await pid_in(tmp_path / "pid")
        if by == "cancel":
            task.cancel()
        end = await task
        assert end.ended_by == by
        await until(lambda: not alive(pid), "it has gone")
        await host.close()

    asyncio.run(main())
    assert "POST /cancel" in agent.asked


def test_a_timeout_does_not_wait_for_the_answer_to_the_order(
    agent: OriginalAgent, tmp_path: Path
) -> None:
    """`/run` keeps us waiting for four seconds; the work would be done in two."""
    end = execute(agent, tmp_path, work("sleep 2; echo done", timeout=0.3))
    assert (end.ended_by, end.stdout) == ("timeout", "")


def test_what_is_canceled_before_it_began_is_not_started(
    agent: OriginalAgent, tmp_path: Path
) -> None:
    async def main() -> None:
        host = connector(agent, tmp_path)
        await host.connect()
        task = asyncio.create_task(host.exec(work(f"touch {tmp_path}/started")))
        await asyncio.sleep(0)
        task.cancel()
        assert (await task).ended_by == "cancel"
        await host.close()

    asyncio.run(main())
    assert not (tmp_path / "started").exists() and "POST /run" not in agent.asked


def test_one_that_is_not_there_any_more_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runyard.hosts.agent.original.FRESH", 0.0)

    async def main() -> None:
        with OriginalAgent() as agent:
            host = connector(agent, tmp_path)
            await host.connect()
            await host.connect()
        with pytest.raises(NetworkError):
            await host.connect()
        await host.close()

    asyncio.run(main())


def test_a_signal_and_a_program_that_is_missing(agent: OriginalAgent, tmp_path: Path) -> None:
    end = execute(agent, tmp_path, work("kill -9 $$"))
    assert (end.exit_code, end.signal, end.ended_by) == (None, 9, "signal:9")
    end = execute(agent, tmp_path, Exec(f"{RUN}/s/old/2", ("no-such-program",)))
    assert end.exit_code == 127


def test_an_agent_that_forgot_means_that_the_end_is_not_known(
    agent: OriginalAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.integration.original_agent.SYNC", 0.1)

    async def main() -> None:
        host = connector(agent, tmp_path)
        await host.connect()
        task = asyncio.create_task(host.exec(work(f"echo $$ >{tmp_path}/pid; sleep 5")))
        await pid_in(tmp_path / "pid")
        tasks = list(agent.tasks.values())
        agent.forget()
        end = await task
        assert end.ended_by == "lost"
        for each in tasks:
            each.cancel()
        await host.close()

    asyncio.run(main())


def test_an_agent_that_stays_away_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runyard.hosts.remote.PATIENCE", 0.2)
    monkeypatch.setattr("tests.integration.original_agent.SYNC", 0.1)

    async def main() -> None:
        with OriginalAgent() as agent:
            host = connector(agent, tmp_path)
            await host.connect()
            task = asyncio.create_task(host.exec(work(f"echo $$ >{tmp_path}/pid; sleep 5")))
            await pid_in(tmp_path / "pid")
        with pytest.raises(HostLost, match="may go on"):
            await task
        await host.close()

    asyncio.run(main())


def test_another_token_is_said_in_these_words(agent: OriginalAgent, tmp_path: Path) -> None:
    async def main() -> None:
        host = connector(agent, tmp_path, token="another")
        with pytest.raises(SystemFault) as error:
            await host.connect()
        assert error.value.message == (
            "token mismatch on old: the agent and this run must use the same token"
        )
        assert not error.value.retryable
        await host.close()

    asyncio.run(main())


def test_files_and_facts_go_through_its_shell(agent: OriginalAgent, tmp_path: Path) -> None:
    async def main() -> None:
        host = connector(agent, tmp_path)
        await host.connect()
        dest, data = str(tmp_path / "file"), bytes(range(256)) * 1000
        assert (await host.put(data, dest, mode=0o640)).changed
        assert not (await host.put(data, dest, mode=0o640)).changed
        assert b"".join([part async for part in host.get(dest)]) == data
        stat = await host.stat(dest)
        assert stat is not None and (stat.size, stat.mode) == (len(data), 0o640)
        assert await host.stat(dest + "-none") is None
        assert (await host.probe())["os"] == "linux"
        await host.close()

    asyncio.run(main())


def test_become_is_refused(agent: OriginalAgent, tmp_path: Path) -> None:
    async def main() -> None:
        host = Agents(site(tmp_path)).open(Host("old", agent.address), "nobody")
        with pytest.raises(SystemFault, match="cannot act as nobody"):
            await host.connect()
        await host.close()

    asyncio.run(main())


def test_a_workflow_with_a_clock_that_is_an_hour_off(tmp_path: Path) -> None:
    async def scenario(runs: Runs) -> None:
        record, started = await support.run(runs, text)
        assert record.status is Status.SUCCESS
        assert await support.text_of(runs, record.run_id, stream="stdout") == "one\ntwo\n"
        times = [result.started_at for result in started.results]
        assert all(abs(time.time() - at) < 600 for at in times)

    with OriginalAgent(clock=-3600.0) as agent:
        text = f"""
        inventory:
          hosts:
            old: {{address: "{agent.address}"}}
        steps:
          - name: first
            action: cmd.run
            args: {{cmd: "echo one"}}
          - name: second
            action: shell.run
            args: {{script: "echo two"}}
        """
        support.with_runs(tmp_path / "home", scenario)


def test_it_is_a_process_as_well(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.original_agent", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        from urllib.request import urlopen

        with urlopen(f"http://127.0.0.1:{port}/health") as answer:
            assert json.load(answer)["status"] == "ok"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
