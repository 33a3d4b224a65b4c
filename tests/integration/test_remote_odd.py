"""A host at the other end of a relay: orders while it is away, links that are of no use."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from runyard.hosts import remote as module
from runyard.hosts.client import Client
from runyard.hosts.remote import RemoteConnector
from runyard.model.errors import HostLost
from runyard.model.execution import Exec, Exit
from runyard.store.spool import spool_path
from runyard.supervisor.frames import encode
from runyard.supervisor.lost import captured
from tests.integration.relays import RUN, RelayDialer, remote, root_of
from tests.integration.tcp_relays import far
from tests.integration.yards import until


def work(text: str, n: int = 1, **more: object) -> Exec:
    return Exec(f"{RUN}/s/far/{n}", ("sh", "-c", text), **more)  # type: ignore[arg-type]


async def cut(host: RemoteConnector, dialer: RelayDialer) -> None:
    """The host goes, and we have seen it."""
    dialer.absent = True
    dialer.cut()
    assert host.client is not None
    client = host.client
    await until(lambda: not client.connected, "the cut is noticed")


def test_what_was_cancelled_before_it_could_start_does_not_start(tmp_path: Path) -> None:
    async def run() -> Exit:
        host, dialer = remote(tmp_path)
        await host.connect()
        await cut(host, dialer)
        task = asyncio.create_task(host.exec(work(f"echo $$ >{tmp_path}/pid; sleep 100")))
        await asyncio.sleep(0.1)
        task.cancel()
        dialer.absent = False
        end = await task
        await host.close()
        return end

    end = asyncio.run(run())
    assert (end.ended_by, end.exit_code, end.survivors) == ("cancel", None, 0)
    starts = root_of(tmp_path / "far") / "runs" / RUN / "output/starts.jsonl"
    assert not starts.exists()


def test_a_cancellation_without_grace_is_delivered_late_as_well(tmp_path: Path) -> None:
    async def run() -> Exit:
        host, dialer = remote(tmp_path)
        await host.connect()
        task = asyncio.create_task(host.exec(work(f"touch {tmp_path}/on; sleep 100", grace=0.0)))
        await until((tmp_path / "on").exists, "it runs")
        await cut(host, dialer)
        task.cancel()
        await asyncio.sleep(0.3)
        dialer.absent = False
        end = await task
        await host.close()
        return end

    end = asyncio.run(run())
    assert (end.ended_by, end.survivors) == ("cancel", 0)


class Breaking(RelayDialer):
    """Its connections break when something is to be started."""

    async def dial(self, client: Client) -> None:
        await super().dial(client)
        send = client.send

        def broken(header: dict[str, object], payload: bytes = b"") -> object:
            if header["verb"] == "start":
                self.cut()
            return send(header, payload)

        client.send = broken  # type: ignore[method-assign,assignment]


def test_connections_that_break_at_once_are_not_made_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 1.0)
    (tmp_path / "far").mkdir()
    dialer = Breaking(tmp_path / "far")
    host = RemoteConnector("far", dialer, tmp_path / "here" / "output", RUN)

    async def run() -> None:
        await host.connect()
        with pytest.raises(HostLost):
            async with asyncio.timeout(30):
                await host.exec(work("echo hello"))
        await host.close()

    asyncio.run(run())
    assert dialer.dials < 12


def test_a_slow_link_with_much_to_carry_is_no_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be answered before all of stdin is there."""
    monkeypatch.setattr(module, "BEAT", 1.0)
    size = 40 << 20

    async def run() -> None:
        async with far(tmp_path) as (host, proxy):
            proxy.bandwidth = 8 << 20
            end = await host.exec(work("wc -c", stdin=bytes(size)))
            assert end.stdout.strip() == str(size)
            assert proxy.connections == 1

    asyncio.run(run())


def test_a_host_that_has_much_to_settle_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed supervisor had is looked for and ended, one attempt after the other."""
    monkeypatch.setattr(module, "BEAT", 0.1)
    output = root_of(tmp_path / "far") / "runs" / RUN / "output"
    output.mkdir(parents=True)
    names = [f"{RUN}/old/far/{n}" for n in range(60)]
    with (output / "starts.jsonl").open("w") as file:
        for name in names:
            file.write(json.dumps({"attempt": name, "mark": 7, "supervisor": "gone"}) + "\n")
    left = [subprocess.Popen(["sleep", "600"], env={"RUNYARD_ATTEMPT": name}) for name in names]

    async def run() -> None:
        host, dialer = remote(tmp_path)
        await host.connect()
        assert dialer.dials == 1
        end = await host.exec(Exec(names[-1], ("true",)))
        assert (end.ended_by, end.swept, end.survivors) == ("lost", 1, 0)
        await host.close()

    asyncio.run(run())
    assert {process.wait(20) for process in left} == {-signal.SIGKILL}


def test_a_supervisor_that_hangs_is_lost_and_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEAT", 0.2)

    async def run() -> Exit:
        host, _ = remote(tmp_path)
        await host.connect()
        assert host.client is not None
        pid, client = host.client.pid, host.client
        task = asyncio.create_task(
            host.exec(work(f"while ! [ -e {tmp_path}/go ]; do sleep 0.05; done"))
        )
        await asyncio.sleep(0.3)
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: not client.connected, "it is given up")
        os.kill(pid, signal.SIGCONT)
        (tmp_path / "go").touch()
        end = await task
        await host.close()
        return end

    assert asyncio.run(run()).ok


def forget(tmp_path: Path, host: RemoteConnector) -> None:
    """As when the power fails: whatever was not on disk yet has never been."""
    assert host.client is not None
    os.kill(host.client.pid, signal.SIGKILL)
    shutil.rmtree(tmp_path / "far/.local")


@pytest.mark.parametrize("text", ["", "echo hello;"])
def test_what_the_host_has_forgotten_is_lost_and_not_started_again(
    tmp_path: Path, text: str
) -> None:
    async def run() -> Exit:
        host, _ = remote(tmp_path)
        await host.connect()
        task = asyncio.create_task(host.exec(work(f"{text} echo >>{tmp_path}/starts; sleep 0.5")))
        await until((tmp_path / "starts").exists, "it has started")
        assert not await host.recall("another")  # answered after the start
        forget(tmp_path, host)
        end = await task
        await host.close()
        return end

    end = asyncio.run(run())
    assert (end.ended_by, end.exit_code) == ("lost", None)
    assert (tmp_path / "starts").read_text() == "\n"


def test_nor_when_it_was_away_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    monkeypatch.setattr(module, "_LASTING", 0.0)

    async def run() -> Exit:
        host, dialer = remote(tmp_path)
        await host.connect()
        task = asyncio.create_task(host.exec(work(f"echo >>{tmp_path}/starts; sleep 0.5")))
        await until((tmp_path / "starts").exists, "it has started")
        assert not await host.recall("another")
        forget(tmp_path, host)
        await cut(host, dialer)
        with pytest.raises(HostLost):
            await task
        dialer.absent = False
        end = await host.exec(work("echo never"))
        await host.close()
        return end

    assert asyncio.run(run()).ended_by == "lost"
    assert (tmp_path / "starts").read_text() == "\n"


def test_nor_by_another_life_that_has_some_of_its_output(tmp_path: Path) -> None:
    async def run() -> Exit:
        first, dialer = remote(tmp_path)
        await first.connect()
        task = asyncio.create_task(
            first.exec(work(f"echo hello; echo >>{tmp_path}/starts; sleep 9"))
        )
        output = tmp_path / "here/output"
        await until(lambda: bool(list(output.glob("*.log"))), "output is here")
        dialer.absent = True
        dialer.cut()
        forget(tmp_path, first)
        second, _ = remote(tmp_path, epoch=2)
        await second.connect()
        end = await second.exec(work("echo never"))
        await second.close()
        await first.close()
        await asyncio.gather(task, return_exceptions=True)
        return end

    assert asyncio.run(run()).ended_by == "lost"
    assert (tmp_path / "starts").read_text() == "\n"


def test_a_host_has_no_say_about_the_attempts_of_others(tmp_path: Path) -> None:
    """It speaks our protocol, and somebody else has taken it over."""
    theirs, mine = f"{RUN}/deploy/good/1", f"{RUN}/s/far/1"

    def forged(attempt: str) -> bytes:
        return encode({"output": attempt, "stream": 1, "offset": 0, "at": 0}, b"FORGED")

    async def run() -> None:
        evil, _ = remote(tmp_path)
        await evil.connect()
        assert evil.client is not None
        evil.client.data_received(forged(theirs) + forged(mine))
        assert (await evil.exec(work("printf out"))).ok
        evil.client.data_received(forged(theirs) + forged(mine))
        good, _ = remote(tmp_path, "good")
        await good.connect()
        end = await good.exec(Exec(theirs, ("printf", "fine")))
        assert (end.ended_by, end.stdout) == ("exit", "fine")
        await good.close()
        await evil.close()

    asyncio.run(run())
    output = tmp_path / "here/output"
    for attempt, text in ((mine, "out"), (theirs, "fine")):
        assert captured(str(spool_path(output, attempt)))[0].text() == text
