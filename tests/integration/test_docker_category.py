"""The category `docker`: seed 001's DockerRunner, by `runyard exec` and by the library."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from runyard.hosts.dummy import DummyConnector
from runyard.runners.runner import RunnerContext, RunnerStatus
from runyard.runners.runner_registry import RunnerRegistry
from tests.conftest import Run
from tests.integration.dockerd import IMAGE, Daemon
from tests.integration.dockers import running, workflow


def execute(program: Run, docker: Daemon, args: dict[str, Any], *more: str) -> Any:
    given = json.dumps({"image": IMAGE, "network": "none", **args})
    words = ["exec", "--category", "docker", "--args", given, *more]
    return program(*words, DOCKER_HOST=docker.address)


def test_the_document_of_the_seed_works_as_it_stands(program: Run, docker: Daemon) -> None:
    args = {"command": "ls", "args": '["-d", "/bin", "/etc"]', "env": {"KEY": "value"}}
    done = execute(program, docker, {**args, "volumes": ["/tmp:/container/path"]})
    assert (done.returncode, done.stdout) == (0, "/bin\n/etc\n"), done.stderr


def test_a_command_beside_the_object(program: Run, docker: Daemon) -> None:
    done = execute(program, docker, {}, "--command", "echo out; echo err >&2; exit 5", "-o", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert (found["status"], found["exit_code"]) == ("failed", 5)
    assert (found["output"], found["error"]) == ("out\n", "err\n")


def test_a_wrong_image_is_told_in_words_and_once(program: Run, docker: Daemon) -> None:
    done = execute(program, docker, {"image": "Busy BOX", "command": "true"})
    assert done.returncode == 1
    assert "{" not in done.stderr
    assert "an image is NAME or NAME:TAG" in done.stderr


def test_no_daemon_is_one_line_even_where_containers_are_to_be_swept(
    tmp_path: Path, program: Run, docker: Daemon
) -> None:
    path, absent = tmp_path / "w.yaml", f"{docker.address}.absent"
    path.write_text(f"version: v0.1\nname: w\n{workflow({'command': 'true'})}")
    assert program("run", path, DOCKER_HOST=docker.address).returncode == 0
    again = program("run", path, DOCKER_HOST=absent)
    assert (again.returncode, again.stderr) == (1, "")
    done = program(
        "exec", "--category", "docker", "--args", '{"image": "x", "command": "y"}',
        DOCKER_HOST=absent,
    )  # fmt: skip
    (line,) = done.stderr.splitlines()
    assert f"no docker daemon answers at {absent} (No such file or directory)" in line
    assert "is dockerd running?" in line


def test_its_environment_limits_and_timeout(program: Run, docker: Daemon) -> None:
    more = ["--env", "WHO=me", "--limits", '{"memory": "16MB"}']
    done = execute(program, docker, {"command": 'echo "$WHO"; exec tail /dev/zero'}, *more)
    assert (done.returncode, done.stdout) == (1, "me\n")
    late = execute(program, docker, {"command": "sleep 1000"}, "--timeout", "1s", "-o", "json")
    assert json.loads(late.stdout)["status"] == "timeout"


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_methods_of_a_runner(how: str, docker: Daemon) -> None:
    async def scenario() -> None:
        runner = RunnerRegistry().create("docker", RunnerContext(DummyConnector()))
        runner.parse_args(
            "echo up; exec sleep 1000", json.dumps({"image": IMAGE, "network": "none"})
        )
        task = asyncio.ensure_future(runner.execute())
        await running(docker)
        getattr(runner, how)()
        result = await asyncio.wait_for(task, 30)
        assert (result.status, result.output) == (RunnerStatus.CANCELED, "up\n")
        await runner.cleanup()

    asyncio.run(scenario())
