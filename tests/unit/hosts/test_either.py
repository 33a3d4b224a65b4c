"""A host is reached through a supervisor where there is a Python, and through a shell where not."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from runyard.hosts.boot import NoPython
from runyard.hosts.client import Client
from runyard.hosts.either import EitherConnector
from runyard.hosts.plain_record import PlainRecord
from runyard.hosts.remote import RemoteConnector
from runyard.hosts.shell import Shell
from runyard.model.errors import NetworkError, SystemFault
from runyard.model.execution import Exec
from tests.integration.relays import RUN, RelayDialer
from tests.unit.hosts.shells import LocalShell, tools

WORK = Exec(f"{RUN}/s/far/1", ("sh", "-c", "echo out"))


class Bare(RelayDialer):
    async def dial(self, client: Client) -> None:
        self.dials += 1
        if self.absent:
            raise NetworkError("the host is not there")
        raise NoPython("there is no python3")


def either(tmp_path: Path, dialer: RelayDialer) -> tuple[EitherConnector, list[LocalShell]]:
    shells: list[LocalShell] = []

    def shell() -> Shell:
        shells.append(LocalShell(tmp_path, tools(tmp_path, "sh")))
        return shells[-1]

    folder = tmp_path / "output"
    remote = RemoteConnector("far", dialer, folder, RUN)
    return EitherConnector("far", remote, shell, folder), shells


@pytest.mark.skipif(shutil.which("sh") is None, reason="no sh")
def test_without_python_it_is_a_shell_for_good(tmp_path: Path) -> None:
    async def run() -> None:
        dialer = Bare(tmp_path)
        host, shells = either(tmp_path, dialer)
        dialer.absent = True
        with pytest.raises(NetworkError):
            await host.connect()
        assert shells == []
        dialer.absent = False
        await asyncio.gather(host.connect(), host.connect())
        await host.connect()
        assert (len(shells), dialer.dials) == (1, 2)
        end = await host.exec(WORK)
        assert end.stdout == "out\n" and "no python3" in end.warnings[0]
        assert (await host.put(b"x", "file")).changed
        assert [part async for part in host.get("file")] == [b"x"]
        found = await host.stat("file")
        assert found is not None and found.size == 1
        assert (await host.probe())["python"] == ""
        assert not await host.recall(WORK.attempt)
        await host.close(done=True)

    asyncio.run(run())


def test_with_python_it_is_a_supervisor(tmp_path: Path) -> None:
    async def run() -> None:
        host, shells = either(tmp_path, RelayDialer(tmp_path))
        await host.connect()
        end = await host.exec(WORK)
        assert (end.stdout, end.warnings, shells) == ("out\n", (), [])
        assert await host.recall(WORK.attempt)
        await host.close(done=True)

    asyncio.run(run())


def test_python_that_was_installed_meanwhile_starts_nothing_twice(tmp_path: Path) -> None:
    PlainRecord(tmp_path / "output").started(WORK.attempt, "far")

    async def run() -> None:
        host, _ = either(tmp_path, RelayDialer(tmp_path))
        await host.connect()
        with pytest.raises(SystemFault) as error:
            await host.exec(WORK)
        assert error.value.code == "INTERRUPTED"
        await host.close(done=True)

    asyncio.run(run())
