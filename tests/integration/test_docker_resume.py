"""The death of who waits for a container, and of its daemon: no line lost, nothing run twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.model.errors import HostLost, StoreError, SystemFault
from runyard.model.status import Status
from runyard.runners.docker.book import Book
from runyard.runners.docker.daemon import ask
from runyard.service.runs import Runs
from runyard.store.output import AttemptOutput
from runyard.supervisor.lost import captured
from tests.conftest import PROGRAM
from tests.integration.dockerd import IMAGE, Daemon, busybox, need
from tests.integration.dockers import begin, ours, perform, running, until, workflow
from tests.integration.support import text_of, with_runs

RUN = "docker-run-1"
COUNT = (
    "echo start >>/v/starts; echo early >&2; i=0;"
    " while [ $i -lt 300 ]; do i=$((i+1)); echo line $i;"
    " if [ $i = 100 ]; then touch /v/hundred; until [ -e /v/go ]; do sleep 0.05; done; fi; done;"
    " printf end; touch /v/done; exit 4"
)
LINES = "".join(f"line {i}\n" for i in range(1, 301)) + "end"


@pytest.fixture
def own_daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon of the test's own, to be killed."""
    need()
    made = Daemon(Path(tempfile.mkdtemp(prefix="runyard-d-", dir="/tmp")))
    monkeypatch.setenv("DOCKER_HOST", made.address)
    try:
        made.start()
        made.load(IMAGE, busybox())
        yield made
    finally:
        made.close()


def write(tmp_path: Path, command: str = COUNT, **keys: Any) -> Path:
    """A file with a step that runs `command` in a container that has `tmp_path/v` at /v."""
    (tmp_path / "v").mkdir()
    args = {"command": command, "volumes": [f"{tmp_path}/v:/v"]}
    path = tmp_path / "w.yaml"
    path.write_text(f"version: v0.1\nname: test\n{workflow(args, **keys)}")
    return path


def runyard(tmp_path: Path, *words: str | Path) -> subprocess.Popen[str]:
    """The installed program, in the background."""
    return subprocess.Popen(
        [PROGRAM, *words],
        cwd=tmp_path,
        env={**os.environ, "RUNYARD_STATE": str(tmp_path / "state")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait(path: Path) -> None:
    asyncio.run(until(path.exists))


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def resume(tmp_path: Path) -> tuple[int, str]:
    process = runyard(tmp_path, "resume", RUN)
    said, _ = process.communicate(timeout=90)
    return process.returncode, said


def logs(tmp_path: Path, stream: str) -> str:
    found: list[str] = []

    async def scenario(runs: Runs) -> None:
        found.append(await text_of(runs, RUN, stream=stream))

    with_runs(tmp_path / "state", scenario)
    return found[0]


def result(tmp_path: Path) -> dict[str, Any]:
    """The last attempt's result as it was journaled."""
    found: list[dict[str, Any]] = []

    async def scenario(runs: Runs) -> None:
        rows = await runs.journal.attempts(RUN)
        found.append({"n": rows[-1].n, **(rows[-1].result or {})})

    with_runs(tmp_path / "state", scenario)
    return found[0]


async def hundred(home: Path, run_id: str) -> None:
    """Wait until line 100 is in the log: a daemon that is killed forgets what it passes on."""
    folder = home / "runs" / run_id / "output"

    def there() -> bool:
        return any(b"line 100\n" in path.read_bytes() for path in folder.glob("*.log"))

    await until(there)


def check(tmp_path: Path) -> None:
    """It ran once, and every byte is there once."""
    assert (tmp_path / "v" / "starts").read_text() == "start\n"
    assert logs(tmp_path, "stdout") == LINES
    assert logs(tmp_path, "stderr") == "early\n"
    end = result(tmp_path)
    assert (end["n"], end["exit_code"], end["status"]) == (1, 4, "failed")
    assert end["stdout"] == LINES


def test_a_killed_run_is_resumed_at_its_container(tmp_path: Path, docker: Daemon) -> None:
    first = runyard(tmp_path, "run", write(tmp_path), "--run-id", RUN)
    wait(tmp_path / "v" / "hundred")
    kill(first)
    assert len(ours(docker)) == 1
    (tmp_path / "v" / "go").touch()
    code, said = resume(tmp_path)
    assert code == 1, said
    check(tmp_path)


def test_killed_again_and_again(tmp_path: Path, docker: Daemon) -> None:
    process = runyard(tmp_path, "run", write(tmp_path), "--run-id", RUN)
    wait(tmp_path / "v" / "hundred")
    for _ in range(3):
        kill(process)
        process = runyard(tmp_path, "resume", RUN)
        lines = iter(process.stdout or ())
        while "local" not in next(lines):
            pass
    (tmp_path / "v" / "go").touch()
    process.communicate(timeout=60)
    assert process.returncode == 1
    check(tmp_path)


def test_bytes_and_long_lines_survive_as_they_are(tmp_path: Path, docker: Daemon) -> None:
    """Read live, then from the daemon's log, which keeps lines in pieces of 16 KiB."""
    noise = random.Random(5)
    lines = [noise.randbytes(noise.choice([10, 1000, 16383, 16384, 40000])) for _ in range(60)]
    first, second = (b"\n".join(part) + b"\nend\n" for part in (lines[:30], lines[30:]))
    path = write(tmp_path, "cat /v/a; touch /v/hundred; until [ -e /v/go ]; do :; done; cat /v/b")
    (tmp_path / "v" / "a").write_bytes(first)
    (tmp_path / "v" / "b").write_bytes(second)
    process = runyard(tmp_path, "run", path, "--run-id", RUN)
    wait(tmp_path / "v" / "hundred")
    kill(process)
    (tmp_path / "v" / "go").touch()
    assert resume(tmp_path)[0] == 0
    found: list[bytes] = []

    async def scenario(runs: Runs) -> None:
        found.extend([chunk.data async for chunk in runs.logs(RUN)])

    with_runs(tmp_path / "state", scenario)
    assert b"".join(found) == first + second


def test_the_end_that_nobody_saw_is_found(tmp_path: Path, docker: Daemon) -> None:
    """The container ends while its run is stopped, and then killed."""
    first = runyard(tmp_path, "run", write(tmp_path), "--run-id", RUN)
    wait(tmp_path / "v" / "hundred")
    first.send_signal(signal.SIGSTOP)
    (tmp_path / "v" / "go").touch()
    wait(tmp_path / "v" / "done")
    asyncio.run(until(lambda: ours(docker)[0]["State"] == "exited"))
    kill(first)
    assert resume(tmp_path)[0] == 1
    check(tmp_path)


def test_a_recorded_end_needs_no_container(tmp_path: Path, docker: Daemon) -> None:
    """Whoever died between the record and the journal left a result, and perhaps a container."""
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "go").touch()
    args = {"command": COUNT, "volumes": [f"{tmp_path}/v:/v"]}
    first = asyncio.run(perform(tmp_path / "state", args))
    again = asyncio.run(perform(tmp_path / "state", args))
    assert (again.exit_code, again.stdout, again.changed) == (4, LINES, True)
    assert again == first
    assert (tmp_path / "v" / "starts").read_text() == "start\n"


def test_one_that_was_made_but_not_started_is_started_once(tmp_path: Path, docker: Daemon) -> None:
    """Killed between creation and start, as the book has it."""
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "go").touch()
    args = {"command": COUNT, "volumes": [f"{tmp_path}/v:/v"]}
    book = tmp_path / "state" / "runs" / "run-00000001" / "output" / "containers.jsonl"
    asyncio.run(perform(tmp_path / "state", args))
    lines = [json.loads(line) for line in book.read_text().splitlines()]
    kept = [line for line in lines if "exit" not in line]
    for log in book.parent.glob("*.log"):
        log.unlink()
    (tmp_path / "v" / "starts").unlink()
    # Created as `docker.run` would have created it, by the name and marks that it would give.
    book.write_text("".join(json.dumps(line) + "\n" for line in kept if "base" not in line))
    found = asyncio.run(perform(tmp_path / "state", args))
    assert (found.exit_code, found.stdout) == (4, LINES)
    assert (tmp_path / "v" / "starts").read_text() == "start\n"
    # With the start in the book, and no container: it may have run.
    book.write_text("".join(json.dumps(line) + "\n" for line in kept))
    lost = asyncio.run(perform(tmp_path / "state", args))
    assert (lost.status, lost.ended_by) == (Status.ERROR, "lost")
    assert "somebody has removed it" in lost.message
    assert (tmp_path / "v" / "starts").read_text() == "start\n"


@pytest.mark.parametrize("line", ["begin", "start"])
def test_nothing_is_started_that_cannot_be_written_down(
    line: str, tmp_path: Path, docker: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(Book, line, full)
    (tmp_path / "v").mkdir()
    args = {"command": COUNT, "volumes": [f"{tmp_path}/v:/v"]}
    with pytest.raises(SystemFault, match="not started") as caught:
        asyncio.run(perform(tmp_path / "state", args))
    assert caught.value.code == "NOT_STARTED"
    assert ours(docker) == [] and list((tmp_path / "v").iterdir()) == []


def test_an_end_that_cannot_be_written_down_stays_with_the_container(
    tmp_path: Path, docker: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("the disk is full")

    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "go").touch()
    args = {"command": COUNT, "volumes": [f"{tmp_path}/v:/v"]}
    with monkeypatch.context() as patch:
        patch.setattr(Book, "end", full)
        first = asyncio.run(perform(tmp_path / "state", args))
    assert (first.exit_code, first.stdout) == (4, LINES)
    assert any("is kept" in warning for warning in first.warnings)
    assert len(ours(docker)) == 1
    again = asyncio.run(perform(tmp_path / "state", args))
    assert (again.exit_code, again.stdout, again.warnings) == (4, LINES, ())
    assert ours(docker) == []
    assert (tmp_path / "v" / "starts").read_text() == "start\n"


def test_a_full_log_is_completed_in_the_end(
    tmp_path: Path, docker: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk was full for a while: what the log lacks is read from the daemon's."""
    (tmp_path / "v").mkdir()
    args = {"command": COUNT, "volumes": [f"{tmp_path}/v:/v"]}
    write_ = AttemptOutput.write

    def sometimes(self: AttemptOutput, stream: str, data: bytes) -> None:
        if self.offsets()[stream] > 200 and not (tmp_path / "v" / "done").exists():
            raise StoreError("the disk is full")
        write_(self, stream, data)

    monkeypatch.setattr(AttemptOutput, "write", sometimes)

    async def scenario() -> None:
        task = asyncio.ensure_future(perform(tmp_path / "state", args))
        await until((tmp_path / "v" / "hundred").exists)
        (tmp_path / "v" / "go").touch()
        found = await task
        assert (found.exit_code, found.stdout, found.warnings) == (4, LINES, ())

    asyncio.run(scenario())
    folder = tmp_path / "state" / "runs" / "run-00000001" / "output"
    log = next(path for path in folder.glob("*.log"))
    assert captured(str(log), 1 << 20)[0].text() == LINES


def test_a_deadline_holds_across_lives(tmp_path: Path, docker: Daemon) -> None:
    command = "touch /v/up; while :; do sleep 0.1; done"
    first = runyard(tmp_path, "run", write(tmp_path, command, timeout="5s"), "--run-id", RUN)
    wait(tmp_path / "v" / "up")
    kill(first)
    code, said = resume(tmp_path)
    assert code == 1, said
    end = result(tmp_path)
    assert (end["n"], end["status"], end["ended_by"]) == (1, "timeout", "timeout")
    assert end["ended_at"] - end["started_at"] < 6  # its second life did not begin a new 5 s


def test_canceling_an_interrupted_run_ends_its_container(tmp_path: Path, docker: Daemon) -> None:
    first = runyard(tmp_path, "run", write(tmp_path), "--run-id", RUN)
    wait(tmp_path / "v" / "hundred")
    kill(first)
    process = runyard(tmp_path, "cancel", RUN)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "ended now: 1, survivors: 0" in said
    assert ours(docker) == []
    (tmp_path / "v" / "go").touch()
    assert resume(tmp_path)[0] == 1
    assert (tmp_path / "v" / "starts").read_text() == "start\n" * 2
    assert result(tmp_path)["n"] == 2


def test_a_daemon_that_is_killed_and_comes_back_goes_on(tmp_path: Path, own_daemon: Daemon) -> None:
    own_daemon.stop()
    own_daemon.start("--live-restore")
    (tmp_path / "v").mkdir()
    args = {"command": COUNT, "volumes": [f"{tmp_path}/v:/v"]}

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, args)
        await hundred(tmp_path / "state", started.run_id)
        await asyncio.to_thread(own_daemon.kill)
        await asyncio.to_thread(own_daemon.start, "--live-restore")
        (tmp_path / "v" / "go").touch()
        await started.wait()
        found = started.results[0].outcome
        assert (found.exit_code, found.stdout, found.stderr) == (4, LINES, "early\n")
        assert await text_of(runs, started.run_id, stream="stdout") == LINES
        assert (tmp_path / "v" / "starts").read_text() == "start\n"
        assert ours(own_daemon) == []

    with_runs(tmp_path / "state", scenario)


def test_what_ends_while_no_daemon_is_there_says_that_output_may_be_missing(
    tmp_path: Path, own_daemon: Daemon
) -> None:
    own_daemon.stop()
    own_daemon.start("--live-restore")
    (tmp_path / "v").mkdir()
    args = {"command": COUNT, "volumes": [f"{tmp_path}/v:/v"]}

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, args)
        await hundred(tmp_path / "state", started.run_id)
        await asyncio.to_thread(own_daemon.kill)
        (tmp_path / "v" / "go").touch()
        await until((tmp_path / "v" / "done").exists)
        await asyncio.to_thread(own_daemon.start, "--live-restore")
        await started.wait()
        found = started.results[0].outcome
        assert found.exit_code == 4
        assert LINES.startswith(found.stdout) and "line 100\n" in found.stdout
        assert any("some may be missing" in warning for warning in found.warnings)

    with_runs(tmp_path / "state", scenario)


def test_a_daemon_that_takes_its_containers_along_loses_the_attempt(
    tmp_path: Path, own_daemon: Daemon
) -> None:
    async def scenario(runs: Runs) -> None:
        started = await begin(runs, {"command": "echo up; exec sleep 1000"})
        await until(lambda: text_of(runs, started.run_id))
        await asyncio.to_thread(own_daemon.kill)
        await asyncio.to_thread(own_daemon.start)
        await started.wait()
        found = started.results[0].outcome
        assert (found.status, found.ended_by) == (Status.ERROR, "lost")
        assert "the docker daemon went away" in found.message
        assert found.error is not None and found.error["retryable"]
        assert found.stdout == "up\n"
        assert ours(own_daemon) == []

    with_runs(tmp_path / "state", scenario)


def test_a_daemon_that_stays_away_is_a_lost_host_and_a_resume_finds_the_container(
    tmp_path: Path, own_daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_daemon.stop()
    own_daemon.start("--live-restore")
    monkeypatch.setattr("runyard.runners.docker.contact.PATIENCE", 0.5)
    (tmp_path / "v").mkdir()
    args = {"command": COUNT, "volumes": [f"{tmp_path}/v:/v"]}

    async def scenario() -> None:
        task = asyncio.ensure_future(perform(tmp_path / "state", args))
        await hundred(tmp_path / "state", "run-00000001")
        await asyncio.to_thread(own_daemon.kill)
        with pytest.raises(HostLost):
            await task
        with pytest.raises(HostLost):  # it may run: not known is not never started
            await perform(tmp_path / "state", args)
        await asyncio.to_thread(own_daemon.start, "--live-restore")
        (tmp_path / "v" / "go").touch()
        found = await perform(tmp_path / "state", args)
        assert (found.exit_code, found.stdout) == (4, LINES)
        assert (tmp_path / "v" / "starts").read_text() == "start\n"

    asyncio.run(scenario())


def test_cancel_while_the_daemon_is_frozen_says_that_it_was_not_delivered(
    tmp_path: Path, own_daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runyard.runners.docker.contact.SLACK", 0.5)
    monkeypatch.setattr("runyard.runners.docker.ending.SLACK", 0.5)

    async def scenario() -> None:
        args = {"command": "echo up; exec sleep 1000"}
        task = asyncio.ensure_future(perform(tmp_path / "state", args, grace=0.5))
        await running(own_daemon)
        os.kill(own_daemon.pid, signal.SIGSTOP)
        try:
            task.cancel()
            with pytest.raises(HostLost) as lost:
                await asyncio.wait_for(task, 30)
            assert "could not be delivered" in lost.value.message
        finally:
            os.kill(own_daemon.pid, signal.SIGCONT)

    asyncio.run(scenario())


class Way:
    """A way to a daemon over which, at times, nothing comes any more, and nobody says so."""

    def __init__(self, there: Path, here: Path) -> None:
        self.address = f"unix://{here}"
        self._there = there
        self._here = here
        self._open = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._open.set()
        self._server = await asyncio.start_unix_server(self._talk, str(self._here))

    def stall(self) -> None:
        """The connections that there are go silent; new ones work."""
        self._open.clear()
        self._open = asyncio.Event()
        self._open.set()

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_unix_connection(str(self._there))
        try:
            await asyncio.gather(_pass(reader, back, self._open), _pass(there, writer, self._open))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            back.close()


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, open: asyncio.Event
) -> None:
    while data := await reader.read(65536):
        await open.wait()
        writer.write(data)
        await writer.drain()
    await open.wait()
    if writer.can_write_eof():
        writer.write_eof()


@pytest.mark.parametrize("how", ["ends", "cancel"])
def test_a_connection_that_is_silently_dead_is_found_out(
    how: str, tmp_path: Path, docker: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("BEAT", 0.2), ("DRAIN", 0.2), ("_SOON", 0.1)):
        monkeypatch.setattr(f"runyard.runners.docker.attend.{name}", seconds)
    monkeypatch.setattr("runyard.runners.docker.ending.SLACK", 1.0)
    monkeypatch.setattr(ask, "__defaults__", (2.0,))  # seconds for an answer
    (tmp_path / "v").mkdir()
    args = {"command": COUNT, "volumes": [f"{tmp_path}/v:/v"]}

    async def scenario() -> None:
        way = Way(docker.socket, tmp_path / "way.sock")
        await way.start()
        monkeypatch.setenv("DOCKER_HOST", way.address)
        task = asyncio.ensure_future(perform(tmp_path / "state", args, grace=0.5))
        await hundred(tmp_path / "state", "run-00000001")
        way.stall()
        if how == "cancel":
            task.cancel()
        else:
            (tmp_path / "v" / "go").touch()
        found = await asyncio.wait_for(task, 30)
        if how == "cancel":
            assert (found.ended_by, found.survivors) == ("cancel", 0)
        else:
            assert (found.exit_code, found.stdout) == (4, LINES)
        await way.stop()

    asyncio.run(scenario())
    assert ours(docker) == []
