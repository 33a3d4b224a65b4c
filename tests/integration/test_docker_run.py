"""docker.run against a real daemon: what a container gets, writes, and how it ends."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from runyard.model.status import Status
from runyard.service.runs import Runs
from tests.integration.dockerd import IMAGE, Daemon
from tests.integration.dockers import (
    STEP,
    begin,
    ours,
    outcome,
    outcome_in,
    perform,
    running,
    until,
)
from tests.integration.support import text_of, with_runs


def test_streams_are_told_apart_and_come_while_it_runs(tmp_path: Path, docker: Daemon) -> None:
    command = "echo one; echo two >&2; until [ -e /v/go ]; do sleep 0.05; done; printf three"

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, {"command": command, "volumes": [f"{tmp_path}:/v:ro"]})
        await until(lambda: text_of(runs, started.run_id, stream="stdout"))
        await until(lambda: text_of(runs, started.run_id, stream="stderr"))
        assert await text_of(runs, started.run_id, stream="stdout") == "one\n"
        assert await text_of(runs, started.run_id, stream="stderr") == "two\n"
        (tmp_path / "go").touch()
        assert (await started.wait()).status is Status.SUCCESS
        found = started.results[0].outcome
        assert (found.stdout, found.stderr) == ("one\nthree", "two\n")
        assert (found.exit_code, found.ended_by, found.survivors) == (0, "exit", 0)
        assert found.output_bytes == len("one\nthreetwo\n")
        assert await text_of(runs, started.run_id, stream="stdout") == "one\nthree"

    with_runs(tmp_path / "state", scenario)


def test_a_container_bears_our_marks_and_its_limits(tmp_path: Path, docker: Daemon) -> None:
    args = {"command": ["sleep", "1000"], "memory": "64MB", "cpus": 0.5, "workdir": "/tmp"}
    limits = {"processes": 50, "open_files": 100}

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, args, limits=limits, timeout="10m")
        found = await running(docker)
        labels, host = found["Config"]["Labels"], found["HostConfig"]
        assert labels["runyard.run"] == started.run_id
        assert labels["runyard.attempt"] == f"{started.run_id}/{STEP}/local/1"
        assert (labels["runyard.step"], labels["runyard.host"]) == (STEP, "local")
        assert len(labels["runyard.home"]) == 32
        assert 500 < float(labels["runyard.deadline"]) - time.time() <= 600
        assert (host["Memory"], host["MemorySwap"]) == (64 << 20, 64 << 20)
        assert (host["NanoCpus"], host["PidsLimit"]) == (500_000_000, 50)
        assert host["Ulimits"] == [{"Name": "nofile", "Hard": 100, "Soft": 100}]
        assert host["NetworkMode"] == "none"
        assert found["Config"]["WorkingDir"] == "/tmp"
        assert found["Config"]["Cmd"] == ["sleep", "1000"]
        assert not host["AutoRemove"]
        started.cancel("enough")
        await started.wait()

    with_runs(tmp_path / "state", scenario)


def test_variables_are_in_its_environment_and_nothing_of_this_machine(
    tmp_path: Path, docker: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THIS_MACHINE", "yes")
    vars = {"NAME": "a $(echo b) 'c'", "LIST": [1, "x"]}
    args = {"command": 'env; echo "<${NAME}>"', "env": {"OWN": "${NAME}!", "N": 5}}
    found = outcome_in(tmp_path, args, vars=vars)
    lines = found.stdout.splitlines()
    assert "NAME=a $(echo b) 'c'" in lines
    assert "OWN=a $(echo b) 'c'!" in lines
    assert {"N=5", 'LIST=[1,"x"]', f"RUNYARD_STEP={STEP}", "HOME=/root"} <= set(lines)
    assert lines[-1] == "<a $(echo b) 'c'>"
    assert "OF_THIS_MACHINE" not in found.stdout
    assert f"PATH={os.environ['PATH']}" not in lines


@pytest.mark.parametrize(
    ("args", "stdout"),
    [
        ({"command": ["echo", "${V}; echo no"]}, "v; echo no\n"),
        ({"command": "echo", "args": ["-n", "a  b", "${V}"]}, "a  b v"),
        ({"entrypoint": ["echo", "first"], "args": ["then"]}, "first then\n"),
        ({"entrypoint": ["echo"], "command": ["a", "b"]}, "a b\n"),
        ({"entrypoint": ["env", "W=1"], "command": 'echo "$W"'}, "1\n"),
        ({"command": "id -un; pwd", "user": "ada", "workdir": "/etc"}, "ada\n/etc\n"),
        ({"command": "id -u; id -g", "user": "${V2}"}, "7\n8\n"),
    ],
)
def test_commands(args: dict[str, Any], stdout: str, tmp_path: Path, docker: Daemon) -> None:
    found = outcome_in(tmp_path, args, vars={"V": "v", "V2": "7:8"})
    assert (found.stdout, found.status) == (stdout, Status.SUCCESS)


@pytest.mark.parametrize(
    ("command", "code", "by"),
    [
        ("exit 3", 3, "exit"),
        ("kill -TERM $$; sleep 60", 143, "signal:15"),
        ("kill -KILL $$; sleep 60", 137, "signal:9"),
        ("/nowhere/to/be/found", 127, "exit"),
    ],
)
def test_how_it_ended(command: str, code: int, by: str, tmp_path: Path, docker: Daemon) -> None:
    found = outcome_in(tmp_path, {"command": command})
    assert (found.status, found.exit_code, found.ended_by) == (Status.FAILED, code, by)
    assert found.changed


def test_too_much_memory_is_told_apart(tmp_path: Path, docker: Daemon) -> None:
    found = outcome_in(tmp_path, {"command": ["tail", "/dev/zero"], "memory": "16MB"})
    assert (found.status, found.ended_by) == (Status.FAILED, "limit:memory")
    assert "used more memory than limits.memory allows" in found.message
    assert found.error is not None and (found.error["code"], found.error["retryable"]) == (
        "LIMIT",
        False,
    )


def test_a_child_that_was_killed_for_memory_is_a_warning(tmp_path: Path, docker: Daemon) -> None:
    args = {"command": "tail /dev/zero; echo went on"}
    found = outcome_in(tmp_path, args, limits={"memory": "16MB"})
    assert (found.status, found.stdout) == (Status.SUCCESS, "went on\n")
    assert any("more memory than allowed" in warning for warning in found.warnings)


def test_too_much_output_and_too_much_time_of_the_processor(tmp_path: Path, docker: Daemon) -> None:
    found = outcome_in(tmp_path / "a", {"command": "yes"}, limits={"output": "1MB"})
    assert (found.ended_by, found.output_bytes, found.survivors) == ("limit:output", 1 << 20, 0)
    busy = {"command": "while :; do :; done"}
    found = outcome_in(tmp_path / "b", busy, limits={"cpu_time": "1s"}, timeout="60s")
    assert (found.ended_by, found.survivors) == ("limit:cpu_time", 0)
    assert found.cpu > 1


def test_volumes(tmp_path: Path, docker: Daemon) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "file").write_text("content")
    args = {
        "command": "cp /in/file /out/copy; touch /in/new",
        "volumes": [f"{tmp_path}/in:/in:ro", f"{tmp_path}/out:/out"],
    }
    found = outcome_in(tmp_path / "state", args)
    assert (tmp_path / "out" / "copy").read_text() == "content"
    assert "Read-only file system" in found.stderr


def test_its_deadline_ends_one_that_does_not_listen(tmp_path: Path, docker: Daemon) -> None:
    args = {"command": "trap '' TERM; echo up; while :; do sleep 0.1; done"}
    found = asyncio.run(perform(tmp_path, args, timeout=1.0, grace=0.5))
    assert (found.status, found.ended_by, found.survivors) == (Status.TIMEOUT, "timeout", 0)
    assert (found.message, found.stdout, found.exit_code) == ("timed out after 1s", "up\n", 137)
    assert ours(docker) == []


def _sleepers(mark: str) -> list[str]:
    """Processes of this machine that sleep for `mark` seconds."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += [path.parent.name] if mark in path.read_bytes().decode().split("\0") else []
    return found


def test_cancel_asks_politely_and_leaves_no_process_of_the_tree(
    tmp_path: Path, docker: Daemon
) -> None:
    mark = f"3600.{os.getpid()}"
    command = (
        f"setsid sleep {mark} & (sleep {mark} &); trap 'echo bye; exit 7' TERM; echo up;"
        f" while :; do sleep 0.1; done"
    )

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, {"command": command})
        await until(lambda: text_of(runs, started.run_id))
        assert len(_sleepers(mark)) == 2
        started.cancel("enough")
        record = await started.wait()
        found = started.results[0].outcome
        assert record.status is Status.CANCELED
        assert (found.ended_by, found.exit_code, found.survivors) == ("cancel", 7, 0)
        assert found.stdout == "up\nbye\n"
        assert _sleepers(mark) == []
        assert ours(docker) == []

    with_runs(tmp_path, scenario)


def test_a_second_cancel_does_not_wait_for_the_grace(tmp_path: Path, docker: Daemon) -> None:
    command = "trap 'touch /v/told' TERM; touch /v/up; while :; do sleep 0.1; done"
    args = {"command": command, "volumes": [f"{tmp_path}:/v"]}

    async def scenario() -> None:
        task = asyncio.ensure_future(perform(tmp_path, args, grace=3600.0))
        await until((tmp_path / "up").exists)
        task.cancel()
        await until((tmp_path / "told").exists)
        task.cancel()
        found = await asyncio.wait_for(task, 30)
        assert (found.ended_by, found.exit_code, found.survivors) == ("cancel", 137, 0)

    asyncio.run(scenario())


def test_secrets_are_masked_and_exports_found(
    tmp_path: Path, docker: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNYARD_SECRET_TOKEN", "correct-horse-battery")
    # In pieces, so that they arrive in pieces; and as base64.
    command = (
        "printf 'a correct-ho'; sleep 0.3; printf 'rse-bat'; sleep 0.3; echo 'tery z' >&1;"
        ' printf %s "$TOKEN" | base64; echo "$TOKEN" >&2;'
        ' echo "BOPS_EXPORT:KEY=value"; echo "BOPS_EXPORT:SAME=$TOKEN"'
    )
    args = {"command": command, "env": {"TOKEN": "${secret:TOKEN}"}, "export_vars": True}

    async def scenario(runs: Runs) -> None:
        found = await outcome(runs, args)
        assert found.stdout.splitlines()[:2] == ["a *** z", "***"]
        assert found.stderr == "***\n"
        assert found.exports == {"KEY": "value", "SAME": "${secret:TOKEN}"}

    with_runs(tmp_path, scenario)
    for path in (tmp_path / "runs").rglob("*"):
        assert path.is_dir() or b"correct-horse" not in path.read_bytes()


def test_the_result_is_bounded_and_the_log_whole(tmp_path: Path, docker: Daemon) -> None:
    args = {"command": "seq 1 200000", "max_output_bytes": "1k"}

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, args)
        await started.wait()
        found = started.results[0].outcome
        whole = "".join(f"{n}\n" for n in range(1, 200001))
        assert await text_of(runs, started.run_id) == whole
        assert len(found.stdout) < 1200 and "bytes dropped" in found.stdout
        assert found.output_bytes == len(whole)

    with_runs(tmp_path, scenario)


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ({"image": "no/such:image", "pull": "never"}, "IMAGE", "pull is never"),
        ({"volumes": ["rel/ative:/x"]}, "VOLUME", "relative"),
        ({"volumes": ["/tmp:rel"]}, "VOLUME", "is no volume"),
        ({"volumes": ["/etc/passwd:/etc"]}, "VOLUME", "not a directory"),
        ({"user": "nobody-knows"}, "CONTAINER_USER", "unable to find user"),
        ({"network": "no-such"}, "CONTAINER_NETWORK", "no-such not found"),
        ({"command": ["/no/such"], "init": False}, "NOT_STARTED", "no such file"),
        ({"workdir": "relative"}, "CONTAINER", "absolute path"),
        ({"memory": "1k"}, "CONTAINER", "memory limit"),
        ({"image": "Not A Name"}, "IMAGE", "invalid reference format"),
    ],
)
def test_what_cannot_be_started_says_why(
    args: dict[str, Any], code: str, words: str, tmp_path: Path, docker: Daemon
) -> None:
    found = outcome_in(tmp_path, {"command": "true", **args})
    assert found.status is Status.ERROR
    assert found.error is not None
    assert (found.error["code"], found.error["retryable"]) == (code, False), found.error
    assert words in found.message
    assert not found.changed
    assert ours(docker) == []


def test_without_a_daemon_the_error_tells_what_to_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    found = outcome_in(tmp_path / "state", {"image": IMAGE, "command": "true"})
    assert found.status is Status.ERROR and found.error is not None
    assert (found.error["code"], found.error["retryable"]) == ("DOCKER_DAEMON", True)
    assert "DOCKER_HOST" in found.error["hint"]
