"""Doors come, go, die, misbehave and lag behind; attempts do not notice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.hosts import launch
from runyard.hosts.client import Client
from runyard.hosts.local import LocalConnector
from runyard.model.errors import FencedError, NetworkError, RunyardError
from runyard.supervisor.frames import Decoder, encode
from tests.integration.yards import (
    OWNER,
    alive,
    attempt,
    execute,
    local,
    outcome,
    pid_in,
    shell,
    spool,
    until,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Door:
    """A raw door, to say what a proper client would not."""

    def __init__(self, home: Path, owner: str = "test", epoch: int = 1, hello: bool = True) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(launch.socket_path(home, owner)))
        self.decoder = Decoder()
        self.frames: list[Any] = []
        if hello:
            header = {"verb": "hello", "version": 1, "owner": owner, "epoch": epoch}
            assert "ok" in self.ask(header)[0]

    def ask(self, header: dict[str, Any], payload: bytes = b"") -> Any:
        self.sock.sendall(encode({"id": 1, **header}, payload))
        return self.next()

    def next(self) -> Any:
        """The next frame, or None when the supervisor has closed the door."""
        while not self.frames:
            data = self.sock.recv(1 << 16)
            if not data:
                return None
            self.frames += self.decoder.feed(data)
        return self.frames.pop(0)

    def close(self) -> None:
        self.sock.close()


Opener = Callable[..., Door]


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens raw doors and closes them at the end."""
    doors: list[Door] = []

    def open_(*args: Any, **kwargs: Any) -> Door:
        doors.append(Door(*args, **kwargs))
        return doors[-1]

    yield open_
    for door in doors:
        door.close()


def started(home: Path) -> list[str]:
    """Attempts really started, in order."""
    lines = (spool(home) / "starts.jsonl").read_text().splitlines()
    return [json.loads(line)["attempt"] for line in lines]


def test_the_same_id_in_a_race_starts_once(tmp_path: Path) -> None:
    ends = execute(tmp_path, *(shell(f"echo x >>{tmp_path}/count; sleep 0.2") for _ in range(10)))
    assert all(end.ok for end in ends)
    assert (tmp_path / "count").read_text() == "x\n"
    assert started(tmp_path) == [attempt("s")]


def test_the_owner_dies_and_its_heir_attaches(tmp_path: Path) -> None:
    text = f"echo $$ >{tmp_path}/pid; while ! [ -e {tmp_path}/go ]; do sleep 0.02; done; echo done"

    async def run() -> None:
        with subprocess.Popen([sys.executable, "-c", OWNER, tmp_path, attempt("s"), text]) as owner:
            pid = await pid_in(tmp_path / "pid")
            os.kill(owner.pid, signal.SIGKILL)
        assert alive(pid)
        async with local(tmp_path, epoch=2) as host:
            assert await host.recall(attempt("s"))
            task = asyncio.create_task(host.exec(shell(text)))
            (tmp_path / "go").touch()
            end = await outcome(task)
            assert (end.ended_by, end.stdout) == ("exit", "done\n")
        assert started(tmp_path) == [attempt("s")]

    asyncio.run(run())


def test_an_end_after_the_owners_death_is_remembered(tmp_path: Path) -> None:
    async def run() -> None:
        text = f"echo $$ >{tmp_path}/pid; sleep 0.3; echo late; exit 5"
        with subprocess.Popen([sys.executable, "-c", OWNER, tmp_path, attempt("s"), text]) as owner:
            pid = await pid_in(tmp_path / "pid")
            os.kill(owner.pid, signal.SIGKILL)
        await until(lambda: not alive(pid), "the work ended")
        await until(lambda: (spool(tmp_path) / "exits.jsonl").exists(), "the exit was recorded")
        async with local(tmp_path, epoch=2) as host:
            assert await host.recall(attempt("s"))
            end = await host.exec(shell("echo never"))
            assert (end.exit_code, end.stdout) == (5, "late\n")

    asyncio.run(run())


def test_the_supervisor_is_killed_and_what_it_left_is_swept(tmp_path: Path) -> None:
    hidden = f"setsid sh -c 'echo $$ >{tmp_path}/hidden; exec env -i sleep 1000' &"
    text = f"echo here; {hidden} echo $$ >{tmp_path}/pid; sleep 1000"

    async def run() -> None:
        async with local(tmp_path) as host:
            task = asyncio.create_task(host.exec(shell(text)))
            other = asyncio.create_task(host.exec(shell("sleep 1000", "other")))
            pids = [await pid_in(tmp_path / "pid"), await pid_in(tmp_path / "hidden")]
            first = host.supervisor_pid
            os.kill(first, signal.SIGKILL)
            end = await outcome(task)
            assert (end.ended_by, end.exit_code, end.survivors) == ("lost", None, 0)
            assert end.swept >= 3 and end.stdout == "here\n" and end.error
            assert not any(alive(pid) for pid in pids)
            assert (await outcome(other)).ended_by == "lost"
            assert host.supervisor_pid != first
            again = await host.exec(shell("echo again"))
            assert again.ended_by == "lost"
            assert (await host.exec(shell("echo new", n=2))).stdout == "new\n"

    asyncio.run(run())


def test_a_loss_is_found_by_the_next_owner(tmp_path: Path) -> None:
    async def run() -> None:
        host = LocalConnector(tmp_path, "test")
        await host.connect()
        task = asyncio.create_task(host.exec(shell(f"echo $$ >{tmp_path}/pid; sleep 1000")))
        pid = await pid_in(tmp_path / "pid")
        supervisor = host.supervisor_pid
        await host.close()
        with pytest.raises(NetworkError):
            await task
        os.kill(supervisor, signal.SIGKILL)
        async with local(tmp_path, epoch=2) as heir:
            assert await heir.recall(attempt("s"))
            assert not await heir.recall(attempt("s", 2))
            end = await heir.exec(shell("echo never"))
            assert end.ended_by == "lost" and end.swept >= 1
            assert not alive(pid)

    asyncio.run(run())


def test_the_attempt_of_a_namesake_is_not_started_again(tmp_path: Path) -> None:
    """Supervisors in containers may all have process id 6: the number tells nobody apart."""

    async def run() -> None:
        async with local(tmp_path) as host:
            start = {"attempt": attempt("s"), "mark": 1, "supervisor": "0" * 32, "at": 0.0}
            spool(tmp_path).mkdir(parents=True)
            line = json.dumps({**start, "pid": host.supervisor_pid})
            (spool(tmp_path) / "starts.jsonl").write_text(line + "\n")
            end = await host.exec(shell(f"touch {tmp_path}/twice"))
            assert end.ended_by == "lost"
            assert not (tmp_path / "twice").exists()

    asyncio.run(run())


def test_an_older_epoch_is_fenced(tmp_path: Path) -> None:
    async def run() -> None:
        async with local(tmp_path, epoch=3) as old:
            assert (await old.exec(shell("true"))).ok
            with pytest.raises(FencedError):
                await LocalConnector(tmp_path, "test", 2).connect()
            async with local(tmp_path, epoch=4) as new:
                with pytest.raises(FencedError):
                    await old.exec(shell("echo no", n=2))
                assert (await new.exec(shell("true", n=3))).ok

    asyncio.run(run())


@pytest.mark.parametrize(
    "junk",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 64,
        b"\x00\x00\x00\x08\x00\x00\x00\x04[1]\n",
        b"\x00\x00\x00\x06\x00\x00\x00\x02{]",
        b"\x00\x00\x00\x04\x00\x00\x00\x09",
    ],
)
def test_a_bad_frame_closes_that_door_alone(tmp_path: Path, opened: Opener, junk: bytes) -> None:
    async def run() -> None:
        async with local(tmp_path) as host:
            task = asyncio.create_task(host.exec(shell(f"echo $$ >{tmp_path}/pid; sleep 0.2")))
            await pid_in(tmp_path / "pid")
            bad = opened(tmp_path)
            bad.sock.sendall(junk)
            header, _ = bad.next()
            assert header["error"]["code"] == "BAD_FRAME"
            assert bad.next() is None
            assert (await outcome(task)).ok

    asyncio.run(run())


def test_requests_that_are_wrong_are_refused(tmp_path: Path, opened: Opener) -> None:
    async def run() -> None:
        async with local(tmp_path) as host:
            door = opened(tmp_path)
            wrong: list[tuple[dict[str, Any], str]] = [
                ({"verb": "dance"}, "VERB"),
                ({"verb": "start"}, "BAD_REQUEST"),
                ({"verb": "start", "attempt": 5, "argv": 7}, "BAD_REQUEST"),
                ({"verb": "attach", "attempt": "none"}, "NOT_FOUND"),
                ({"verb": "cancel", "attempt": "none"}, "NOT_FOUND"),
                ({"verb": "write", "attempt": "none"}, "NOT_FOUND"),
                ({"verb": "get", "src": "/no/such/file"}, "NOT_FOUND"),
                ({"verb": "signal", "attempt": None, "signal": "x"}, "NOT_FOUND"),
            ]
            for header, code in wrong:
                assert door.ask(header)[0]["error"]["code"] == code, header
            assert door.ask({"verb": "list"})[0]["ok"]["live"] == {}
            stranger = opened(tmp_path, hello=False)
            assert stranger.ask({"verb": "list"})[0]["error"]["code"] == "HELLO"
            assert stranger.next() is None
            assert (await host.exec(shell("true"))).ok

    asyncio.run(run())


def test_a_slow_door_delays_nobody_and_loses_nothing(tmp_path: Path, opened: Opener) -> None:
    size = 30 << 20

    async def run() -> None:
        async with local(tmp_path) as host:
            text = f"echo $$ >{tmp_path}/pid; head -c {size} /dev/zero; echo end >&2"
            task = asyncio.create_task(host.exec(shell(text)))
            await pid_in(tmp_path / "pid")
            slow = opened(tmp_path)
            request = {"verb": "attach", "attempt": attempt("s"), "output": {}, "wait": True}
            slow.sock.sendall(encode({"id": 9, **request}))
            end = await outcome(task)  # though nobody has read a byte of it at the door
            assert end.ok and end.stdout_bytes == size
            offsets = {1: 0, 2: 0}
            while True:
                header, payload = slow.next()
                if "output" not in header:
                    break
                assert header["offset"] == offsets[header["stream"]]
                offsets[header["stream"]] += len(payload)
            assert offsets == {1: size, 2: 4}
            assert header["id"] == 9 and json.loads(payload)["exit_code"] == 0

    asyncio.run(run())


def test_attach_continues_at_an_offset_and_follows_live(tmp_path: Path, opened: Opener) -> None:
    async def run() -> None:
        async with local(tmp_path) as host:
            text = f"printf 0123456789; echo $$ >{tmp_path}/pid; read x; printf $x"
            door = opened(tmp_path)
            spec = {
                "attempt": attempt("s"),
                "argv": ["sh", "-c", text],
                "cwd": str(tmp_path),
                "keep_stdin": True,
                "spool": str(tmp_path / "spool.log"),
                "exits": str(tmp_path / "exits.jsonl"),
            }
            assert door.ask({"verb": "start", **spec})[0]["ok"]["new"]
            assert not door.ask({"verb": "start", **spec})[0]["ok"]["new"]
            await pid_in(tmp_path / "pid")
            reader = opened(tmp_path)
            request = {"verb": "attach", "attempt": attempt("s"), "output": {"stdout": 7}}
            reader.sock.sendall(encode({"id": 2, **request, "wait": True}))
            header, payload = reader.next()
            assert (header["offset"], payload) == (7, b"789")
            assert "ok" in door.ask({"verb": "write", "attempt": attempt("s")}, b"abc\n")[0]
            header, payload = reader.next()
            assert (header["offset"], payload) == (10, b"abc")
            header, payload = reader.next()
            assert header["id"] == 2 and json.loads(payload)["stdout"] == "0123456789abc"
            assert door.ask({"verb": "forget", "attempt": attempt("s")})[0]["ok"]["known"]
            assert host.supervisor_pid

    asyncio.run(run())


def test_a_terminal_is_resized_and_ended(tmp_path: Path, opened: Opener) -> None:
    async def run() -> None:
        async with local(tmp_path):
            door = opened(tmp_path)
            spec = {
                "attempt": attempt("s"),
                "argv": [
                    "sh",
                    "-c",
                    f"tty; trap 'stty size; exit' WINCH; echo $$ >{tmp_path}/pid;"
                    " while :; do sleep 0.05; done",
                ],
                "cwd": str(tmp_path),
                "pty": [33, 99],
                "keep_stdin": True,
                "spool": str(tmp_path / "spool.log"),
                "exits": str(tmp_path / "exits.jsonl"),
            }
            door.ask({"verb": "start", **spec})
            await pid_in(tmp_path / "pid")
            size = {"verb": "resize", "attempt": attempt("s"), "rows": 12, "columns": 34}
            assert "ok" in door.ask(size)[0]
            _, payload = door.ask({"verb": "attach", "attempt": attempt("s"), "wait": True})
            end = json.loads(payload)
            assert end["ended_by"] == "exit"
            assert "/dev/pts/" in end["stdout"] and "12 34" in end["stdout"]

    asyncio.run(run())


def test_signal_does_not_order_the_end(tmp_path: Path, opened: Opener) -> None:
    async def run() -> None:
        async with local(tmp_path) as host:
            text = f"trap 'echo usr' USR1; echo $$ >{tmp_path}/pid; " + "sleep 0.1; " * 8
            task = asyncio.create_task(host.exec(shell(text)))
            await pid_in(tmp_path / "pid")
            door = opened(tmp_path)
            assert "ok" in door.ask({"verb": "signal", "attempt": attempt("s"), "signal": 10})[0]
            assert (await outcome(task)).ended_by == "exit"

    asyncio.run(run())


def test_what_nobody_claims_ends_with_the_lease(tmp_path: Path, opened: Opener) -> None:
    async def run() -> None:
        host = LocalConnector(tmp_path, "test")
        await host.connect()
        opened(tmp_path)  # keeps the supervisor, but claims nothing
        work = shell(f"echo $$ >{tmp_path}/pid; sleep 1000", lease=0.3)
        task = asyncio.create_task(host.exec(work))
        pid = await pid_in(tmp_path / "pid")
        await asyncio.sleep(0.6)
        assert alive(pid)  # claimed by the one who waits
        await host.close()
        await until(lambda: not alive(pid), "the lease ended it")
        with pytest.raises(RunyardError):
            await task

    asyncio.run(run())


def test_nothing_of_the_starter_is_inherited(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        (end,) = execute(tmp_path, shell("ls /proc/self/fd; cat /proc/$PPID/comm"))
    finally:
        os.close(writer)
    assert end.stdout.split()[:4] == ["0", "1", "2", "3"]
    assert os.read(reader, 1) == b""  # nobody else holds the other end
    os.close(reader)


def test_the_environment_is_allow_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "leak")
    monkeypatch.setenv("LC_TIME", "C")
    (end,) = execute(tmp_path, shell("env", env={"MINE": "1"}))
    names = {line.partition("=")[0] for line in end.stdout.splitlines()}
    assert "AWS_SECRET_ACCESS_KEY" not in names
    assert {"PATH", "HOME", "LC_TIME", "MINE", "RUNYARD_ATTEMPT"} <= names


def test_who_leaves_while_it_connects_leaves_nothing_behind(tmp_path: Path) -> None:
    async def run() -> None:
        host = LocalConnector(tmp_path, "test")
        connecting = asyncio.create_task(host.connect())
        await asyncio.sleep(0)
        connecting.cancel()
        await asyncio.wait([connecting])
        await host.close()
        assert asyncio.all_tasks() == {asyncio.current_task()} and host.client is None

    asyncio.run(run())


def test_a_client_whose_supervisor_is_gone_says_so(tmp_path: Path) -> None:
    async def run() -> None:
        client = Client()
        with pytest.raises(NetworkError):
            await client.call({"verb": "list"})

    asyncio.run(run())


def test_without_descriptors_starts_fail_and_nothing_else(tmp_path: Path, opened: Opener) -> None:
    path = launch.socket_path(tmp_path, "test")
    command = [sys.executable, "-I", "-S", launch.program(), str(path), "test"]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        subprocess.run(
            ["sh", "-c", 'ulimit -n 90; exec "$@"', "sh", *command],
            stdin=listener.fileno(),
            check=True,
        )

    async def run() -> None:
        async with local(tmp_path) as host:
            works = [shell("echo x; sleep 0.3", n=n) for n in range(30)]
            ends = await asyncio.gather(*(host.exec(work) for work in works))
            failed = [end for end in ends if end.ended_by == "start-failed"]
            assert 0 < len(failed) < 30
            assert all("Too many open files" in end.error for end in failed)
            good = [end for end in ends if end not in failed]
            assert all(end.ok and end.stdout == "x\n" for end in good)
            assert (await host.exec(shell("echo after", n=99))).stdout == "after\n"

    asyncio.run(run())
