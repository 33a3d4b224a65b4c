"""A supervisor without work, or told to stop, ends; a leaping clock ends nobody."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runyard.hosts import launch
from runyard.hosts.client import Client
from runyard.hosts.local import LocalConnector
from runyard.model.errors import RunyardError
from tests.integration.yards import alive, local, pid_in, shell, spool, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# The supervisor in a world where it is an hour later every time one looks.
LEAPING = """
import sys, time
hours = iter(range(1, 10**9))
real = time.time
time.time = lambda: real() + 3600 * next(hours)
sys.path.insert(0, sys.argv[1])
from runyard.supervisor.main import main
main(sys.argv[2:])
"""


async def full_disk(home: Path) -> int:
    """Leave a supervisor that waits for room for an exit record; its pid."""
    async with local(home) as host:
        assert (await host.exec(shell("true"))).ok
        (spool(home) / "exits.jsonl").unlink()
        (spool(home) / "exits.jsonl").symlink_to("/dev/full")
        end = await host.exec(shell("echo x", n=2))
        assert end.ok and "could not be written yet" in end.warnings[0]
        return host.supervisor_pid


def test_who_waits_for_room_obeys_sigterm(tmp_path: Path) -> None:
    async def run() -> None:
        pid = await full_disk(tmp_path)
        await asyncio.sleep(0.7)  # longer than from one try to the next
        assert alive(pid)
        os.kill(pid, signal.SIGTERM)
        await until(lambda: not alive(pid), "the supervisor ended")

    asyncio.run(run())


def test_who_waits_for_room_ends_when_the_place_is_removed(tmp_path: Path) -> None:
    async def run() -> None:
        pid = await full_disk(tmp_path)
        shutil.rmtree(tmp_path / "runs")
        await until(lambda: not alive(pid), "the supervisor ended")
        assert not (tmp_path / "runs").exists()

    asyncio.run(run())


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts")
def test_who_waits_for_room_ends_when_the_file_system_goes_away(tmp_path: Path) -> None:
    place = tmp_path / "runs"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount")

    async def run() -> None:
        try:
            async with local(tmp_path) as host:
                fill = f"until ! cat /dev/zero >>{place}/fill; do :; done 2>/dev/null"
                end = await host.exec(shell(f"echo x; {fill}"))
                assert any("could not be written yet" in text for text in end.warnings)
                pid = host.supervisor_pid
        finally:
            subprocess.run(["umount", "-l", str(place)], check=True)
        await until(lambda: not alive(pid), "the supervisor ended")

    asyncio.run(run())


def test_a_lease_is_not_measured_by_the_time_of_day(tmp_path: Path) -> None:
    path = launch.socket_path(tmp_path, "test")
    source = Path(launch.program()).parents[1]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        command = [sys.executable, "-c", LEAPING, str(source), str(path), "test"]
        subprocess.run(command, stdin=listener.fileno(), check=True)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        _, watch = await loop.create_unix_connection(Client, str(path))
        await watch.hello("test", 1)
        host = LocalConnector(tmp_path, "test")
        await host.connect()
        work = shell(f"echo $$ >{tmp_path}/pid; sleep 1000", lease=100)
        task = asyncio.create_task(host.exec(work))
        pid = await pid_in(tmp_path / "pid")
        await host.close()
        with pytest.raises(RunyardError):
            await task
        await asyncio.sleep(1.5)  # the lease is looked at once a second
        assert alive(pid)
        os.kill(watch.pid, signal.SIGTERM)
        await until(lambda: not alive(pid), "the work was ended")
        await watch.close()

    asyncio.run(run())
