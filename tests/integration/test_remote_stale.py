"""A link that sleeps, and wakes up when whoever has sent something through it has long gone on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from runyard.hosts import order, transfer
from runyard.hosts import remote as module
from runyard.hosts.remote import RemoteConnector
from runyard.hosts.source import Source
from runyard.model.errors import NetworkError
from runyard.model.execution import Exec
from tests.integration.relays import RUN, StallingDialer
from tests.integration.yards import alive, until

Scene = Callable[[RemoteConnector, StallingDialer], Awaitable[None]]


def work(text: str, n: int = 1, **more: object) -> Exec:
    return Exec(f"{RUN}/s/far/{n}", ("sh", "-c", text), **more)  # type: ignore[arg-type]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Scene], None]:
    """Runs a scene with a connected host that is soon taken for silent; then all links wake up."""
    monkeypatch.setattr(module, "BEAT", 0.2)
    monkeypatch.setattr(order, "SLACK", 0.1)
    monkeypatch.setattr(order, "PING", 0.2)

    async def run(scene: Scene) -> None:
        (tmp_path / "far").mkdir()
        dialer = StallingDialer(tmp_path / "far")
        host = RemoteConnector("far", dialer, tmp_path / "here", RUN)
        await host.connect()
        assert host.client is not None
        supervisor = host.client.pid
        try:
            await scene(host, dialer)
        finally:
            await host.close()
            await dialer.wake()
        await until(lambda: not alive(supervisor), "nobody is there any more, and nothing runs")

    return lambda scene: asyncio.run(run(scene))


def test_it_starts_nothing_a_second_time(play: Callable[[Scene], None], tmp_path: Path) -> None:
    async def scene(host: RemoteConnector, dialer: StallingDialer) -> None:
        dialer.up[0].clear()
        end = await host.exec(work(f"echo ran >>{tmp_path}/effects"))
        assert (end.ok, dialer.dials) == (True, 2)
        await host.close(done=True)

    play(scene)
    assert (tmp_path / "effects").read_text() == "ran\n"


def test_it_starts_nothing_that_was_told_as_cancelled(
    play: Callable[[Scene], None], tmp_path: Path
) -> None:
    async def scene(host: RemoteConnector, dialer: StallingDialer) -> None:
        dialer.up[0].clear()
        client, dialer.absent = host.client, True
        task = asyncio.create_task(host.exec(work(f"touch {tmp_path}/effects", grace=0.1)))
        await until(lambda: client is not None and not client.connected, "the silence is noticed")
        task.cancel()
        dialer.absent = False
        end = await task
        assert (end.ended_by, end.error) == ("cancel", "it was cancelled before it could start")

    play(scene)
    assert not (tmp_path / "effects").exists()


def test_it_does_not_write_over_what_came_later(
    play: Callable[[Scene], None], tmp_path: Path
) -> None:
    file = tmp_path / "file"

    async def scene(host: RemoteConnector, dialer: StallingDialer) -> None:
        dialer.up[0].clear()
        await host.put(b"from the template", str(file))
        assert (await host.exec(work(f"printf edited >{file}"))).ok

    play(scene)
    assert file.read_text() == "edited"


def test_another_connector_starts_nothing_of_a_run_that_is_over(
    play: Callable[[Scene], None], tmp_path: Path
) -> None:
    """A host may have two names in an inventory."""

    async def scene(host: RemoteConnector, dialer: StallingDialer) -> None:
        other = RemoteConnector("other", dialer, tmp_path / "there", RUN)
        await other.connect()
        dialer.absent = True
        dialer.up[0].clear()
        late = asyncio.create_task(host.exec(work(f"echo ran >>{tmp_path}/effects")))
        assert (await other.exec(work(f"echo ran >>{tmp_path}/effects"))).ok
        await other.close(done=True)
        late.cancel()
        assert host.client is not None
        host.client.abandon(NetworkError("it leaves without a word"))
        await asyncio.sleep(0.05)
        late.cancel()  # in a hurry
        await asyncio.gather(late, return_exceptions=True)

    play(scene)
    assert (tmp_path / "effects").read_text() == "ran\n"


@pytest.mark.parametrize("large", [False, True])
def test_a_change_whose_answer_got_lost_is_told(
    play: Callable[[Scene], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    """A large file that is there and only gets other rights is asked for like a small one."""
    if large:
        monkeypatch.setattr(transfer, "WHOLE", 2)
    file = tmp_path / "file"
    file.write_text("text")
    file.chmod(0o600)

    async def scene(host: RemoteConnector, dialer: StallingDialer) -> None:
        async def digest(source: Source, real: Any = Source.digest) -> str:
            if dialer.dials == 1:
                dialer.down.clear()
            return str(await real(source))

        monkeypatch.setattr(Source, "digest", digest)
        if not large:
            dialer.down.clear()
        asked = asyncio.create_task(host.put(b"text", str(file), mode=0o640))
        await until(lambda: file.stat().st_mode & 0o777 == 0o640, "it is changed")
        assert host.client is not None
        host.client.abandon(NetworkError("the link is cut"))
        dialer.down.set()
        assert (await asked).changed
        assert not (await host.put(b"text", str(file), mode=0o640)).changed

    play(scene)


def test_what_never_left_changes_nothing(play: Callable[[Scene], None], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")

    async def scene(host: RemoteConnector, dialer: StallingDialer) -> None:
        assert host.client is not None
        host.client.abandon(NetworkError("the link is cut"))
        assert not (await host.put(b"text", str(tmp_path / "file"))).changed

    play(scene)
