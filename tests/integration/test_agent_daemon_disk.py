"""An agent whose disk is full: it refuses new tasks, and loses no result of those that run."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.agent_process import agent, until

_libc = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    target = tmp_path / "disk"
    target.mkdir()
    if _libc.mount(b"tmpfs", os.fsencode(target), b"tmpfs", 0, b"size=4m") != 0:
        pytest.skip("only root may mount a file system")
    try:
        yield target
    finally:
        _libc.umount2(os.fsencode(target), 2)


def fill(disk: Path) -> None:
    with open(disk / "filler", "ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


def test_a_full_disk_refuses_tasks_and_keeps_results(disk: Path, tmp_path: Path) -> None:
    with agent(disk / "state") as one:
        text = f"touch {tmp_path}/on; until [ -e {tmp_path}/go ]; do sleep 0.02; done; exit 5"
        running = threading.Thread(target=lambda: one.run("first", text))
        running.start()
        until((tmp_path / "on").exists, "it runs")
        fill(disk)
        order = {"task": {"ID": "second", "Step": {"action": "cmd.run", "args": {"cmd": "true"}}}}
        status, answer = one.ask("POST", "/run", order)
        assert status == 507
        assert "No space left" in answer["error"]
        assert one.ask("GET", "/status", task_id="second")[0] == 404
        (tmp_path / "go").touch()
        running.join()
        result = one.outcome("first")
        assert (result["status"], result["output"]["exit_code"]) == ("failed", 5)
        assert not list((disk / "state" / "tasks").glob("first-*/result.json"))
        (disk / "filler").unlink()
        until(lambda: list((disk / "state" / "tasks").glob("first-*/result.json")), "it is written")
        assert one.outcome("first") == result
        assert one.ask("POST", "/run", order)[1]["result"]["status"] == "success"
        one.kill()
        one.start()
        assert one.outcome("first") == result
