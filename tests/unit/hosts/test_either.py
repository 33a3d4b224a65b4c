"""A host is reached through a supervisor where there is a Python, and through a shell where not."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from runyard.hosts.client import Client
from runyard.hosts.either import EitherConnector
from runyard.hosts.no_python import NoPython
from runyard.hosts.plain_record import PlainRecord
from runyard.hosts.remote import RemoteConnector
from runyard.hosts.shell import Shell
from runyard.model.errors import NetworkError, SystemFault
from runyard.model.execution import Exec
from tests.integration.relays import RUN, RelayDialer
from tests.integration.yards import alive, until
from tests.unit.hosts.shells import LocalShell, tools

WORK = Exec(f"{RUN}/s/far/1", ("sh", "-c", "echo out"))


class Bare(RelayDialer):
    why = "no python3 there"

    async def dial(self, client: Client) -> None:
        self.dials += 1
        if self.absent:
            raise NetworkError("the host is not there")
        raise NoPython(self.why)


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


def test_the_reason_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        dialer = Bare(tmp_path)
        dialer.why = "python3 there is 3.6, and 3.8 is needed"
        host, _ = either(tmp_path, dialer)
        await host.connect()
        end = await host.exec(WORK)
        assert end.warnings[0].startswith("python3 there is 3.6, and 3.8 is needed: ")
        await host.close(done=True)

    asyncio.run(run())


def test_a_python_that_is_not_whole_is_none(tmp_path: Path) -> None:
    """Another one has brought the program; the relay starts, and the supervisor does not."""
    asyncio.run(brought(tmp_path))
    python = tmp_path / "broken"
    python.write_text(
        "#!/bin/sh\n"
        'shift 3; program=$1; shift; exec "' + sys.executable + '" -I -S -c '
        '"import sys; sys.modules[\'ctypes\'] = None; exec(sys.argv.pop(1))" "$program" "$@"\n'
    )
    python.chmod(0o755)

    async def run() -> None:
        host, shells = either(tmp_path, RelayDialer(tmp_path, python=str(python)))
        await host.connect()
        end = await host.exec(WORK)
        assert (end.stdout, len(shells)) == ("out\n", 1)
        assert "python3 there is not whole" in end.warnings[0] and "ctypes" in end.warnings[0]
        await host.close(done=True)

    asyncio.run(run())


async def brought(home: Path) -> None:
    """The program is there; nobody runs it any more."""
    host, _ = either(home, RelayDialer(home))
    await host.connect()
    supervisor = host._remote.client
    assert supervisor is not None
    await host.close(done=True)
    await until(lambda: not alive(supervisor.pid), "it has ended")


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
