"""`docker://NAME` as a host: steps inside a container that runs, with a Python in it or without."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.service.job import RunOptions
from runyard.service.runs import Runs
from runyard.service.started import Started
from tests.conftest import PROGRAM
from tests.integration.dockerd import IMAGE, Daemon
from tests.integration.dockers import until
from tests.integration.support import job, text_of, with_runs

NAME = "box"
RUN = "docker-host-1"


@pytest.fixture
def box(docker: Daemon, python_image: str, tmp_path: Path) -> Iterator[Daemon]:
    """A running container with Python, `box`, that has `tmp_path/v` at /v."""
    yield from _box(docker, python_image, tmp_path)


@pytest.fixture
def bare(docker: Daemon, tmp_path: Path) -> Iterator[Daemon]:
    """The same with nothing but busybox."""
    yield from _box(docker, IMAGE, tmp_path)


def _box(docker: Daemon, image: str, tmp_path: Path) -> Iterator[Daemon]:
    (tmp_path / "v").mkdir()
    (tmp_path / "v").chmod(0o777)
    volumes = [f"{tmp_path}/v:/v"]
    docker.run(NAME, "sleep", "100000", image=image, Init=True, Binds=volumes)
    yield docker
    docker.clear()


def document(steps: str, more: str = "", name: str = NAME) -> str:
    lines = indent(dedent(steps).strip(), "  ")
    hosts = f"inventory: {{hosts: {{c: {{address: 'docker://{name}'}}}}}}"
    return f"{hosts}\n{more}\nsteps:\n{lines}\n"


async def go(runs: Runs, steps: str, more: str = "", name: str = NAME) -> dict[str, Outcome]:
    """Run them to their end."""
    started = await runs.start(job(document(steps, more, name)), RunOptions())
    await started.wait()
    return {result.step: result.outcome for result in started.results}


def outcomes(home: Path, steps: str, more: str = "", name: str = NAME) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}

    async def scenario(runs: Runs) -> None:
        found.update(await go(runs, steps, more, name))

    with_runs(home, scenario)
    return found


EVERYTHING = """
    - {name: cmd, action: cmd.run, args: {cmd: 'hostname; echo "$V" >&2; pwd; exit 3'},
       continue_on_error: true}
    - {name: argv, action: cmd.run, args: {cmd: [printf, '%s|', 'a  b', '${V}'], dir: /etc}}
    - {name: shell, action: shell.run, args: {script: "cat\\nid -un\\necho BOPS_EXPORT:K=v1",
       export_vars: true}, become: ada}
    - {name: copy, action: file.copy, args: {src: sent, dest: /v/copied, mode: '0640'}}
    - {name: again, action: file.copy, args: {src: sent, dest: /v/copied, mode: '0640'}}
    - {name: render, action: template.render, args: {content: 'k=${K}', dest: /tmp/rendered}}
    - {name: fetch, action: file.fetch, args: {src: /tmp/rendered, dest: 'FETCHED'}}
    - {name: when, action: cmd.run, args: {cmd: 'true'}, when: '"${facts.os}" == "linux"'}
    """


def check_everything(tmp_path: Path) -> dict[str, Outcome]:
    (tmp_path / "sent").write_bytes(b"x" * 100_000)
    steps = EVERYTHING.replace("FETCHED", f"{tmp_path}/fetched").replace(
        "src: sent", f"src: {tmp_path}/sent"
    )
    found = outcomes(tmp_path / "state", steps, "vars: {V: value}")
    assert found["cmd"].exit_code == 3
    assert found["cmd"].stdout.splitlines()[1:] == ["/root"]
    assert found["cmd"].stderr == "value\n"
    assert found["argv"].stdout == "a  b|value|"
    assert found["shell"].stdout.startswith("ada\n")
    assert found["shell"].exports == {"K": "v1"}
    assert (tmp_path / "v" / "copied").read_bytes() == b"x" * 100_000
    assert (tmp_path / "v" / "copied").stat().st_mode & 0o777 == 0o640
    assert (found["copy"].changed, found["again"].changed) == (True, False)
    assert (tmp_path / "fetched").read_text() == "k=v1"
    assert found["when"].status is Status.SUCCESS
    return found


def test_every_step_works_in_a_container(tmp_path: Path, box: Daemon) -> None:
    found = check_everything(tmp_path)
    assert [w for outcome in found.values() for w in outcome.warnings] == []


def test_so_it_does_without_python_and_says_what_it_cannot_promise(
    tmp_path: Path, bare: Daemon
) -> None:
    found = check_everything(tmp_path)
    assert any("no python3" in warning for warning in found["cmd"].warnings)


def test_cancel_leaves_no_process_in_the_container(tmp_path: Path, box: Daemon) -> None:
    cmd = "setsid sleep 3601 & (env -i sleep 3602 &) ; echo up; wait; sleep 3603"

    async def scenario(runs: Runs) -> None:
        text = document(f"- {{name: s, action: cmd.run, args: {{cmd: '{cmd}'}}}}")
        started = await runs.start(job(text), RunOptions())
        await until(lambda: text_of(runs, started.run_id))
        assert len(sleepers(box)) == 2
        started.cancel("enough")
        await started.wait()
        found = started.results[0].outcome
        assert (found.ended_by, found.survivors) == ("cancel", 0)
        assert sleepers(box) == []

    with_runs(tmp_path / "state", scenario)


def test_cancel_ends_what_it_can_find_without_python(tmp_path: Path, bare: Daemon) -> None:
    async def scenario(runs: Runs) -> None:
        text = document("- {name: s, action: cmd.run, args: {cmd: 'sleep 3601 & echo up; wait'}}")
        started = await runs.start(job(text), RunOptions())
        await until(lambda: text_of(runs, started.run_id))
        started.cancel("enough")
        await started.wait()
        assert started.results[0].outcome.ended_by == "cancel"
        assert sleepers(bare) == []

    with_runs(tmp_path / "state", scenario)


def test_a_killed_run_is_resumed_in_the_container(tmp_path: Path, box: Daemon) -> None:
    cmd = (
        "echo start >>/v/starts; i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i;"
        " if [ $i = 100 ]; then touch /v/hundred; until [ -e /v/go ]; do sleep 0.05; done; fi; done"
    )
    path = tmp_path / "w.yaml"
    steps = f"- {{name: s, action: cmd.run, args: {{cmd: '{cmd}'}}}}"
    path.write_text(f"version: v0.1\nname: t\n{document(steps)}")
    environment = {**os.environ, "RUNYARD_STATE": str(tmp_path / "state")}
    words = [PROGRAM, "run", path, "--run-id", RUN]
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) as first:
        asyncio.run(until((tmp_path / "v" / "hundred").exists))
        first.kill()
    (tmp_path / "v" / "go").touch()
    done = subprocess.run(
        [PROGRAM, "resume", RUN], env=environment, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "v" / "starts").read_text() == "start\n"

    async def scenario(runs: Runs) -> None:
        lines = await text_of(runs, RUN)
        assert lines.splitlines() == [f"line {i}" for i in range(1, 201)]

    with_runs(tmp_path / "state", scenario)


def test_much_output_comes_whole(tmp_path: Path, box: Daemon) -> None:
    async def scenario(runs: Runs) -> None:
        text = document("- {name: s, action: cmd.run, args: {cmd: 'seq 1 3000000'}}")
        started = await runs.start(job(text), RunOptions())
        await started.wait()
        whole = "".join(f"{n}\n" for n in range(1, 3000001))
        assert started.results[0].outcome.output_bytes == len(whole)
        assert await text_of(runs, started.run_id) == whole

    with_runs(tmp_path / "state", scenario)


def test_a_container_that_is_restarted_loses_the_attempt(tmp_path: Path, box: Daemon) -> None:
    async def scenario(runs: Runs) -> None:
        text = document("- {name: s, action: cmd.run, args: {cmd: 'echo up; exec sleep 1000'}}")
        started = await runs.start(job(text), RunOptions())
        await until(lambda: text_of(runs, started.run_id))
        await asyncio.to_thread(box.api, "POST", f"/containers/{NAME}/restart?t=1")
        await started.wait()
        found = started.results[0].outcome
        assert (found.status, found.ended_by) == (Status.ERROR, "lost"), found.message
        assert found.stdout == "up\n"

    with_runs(tmp_path / "state", scenario)


def test_a_container_that_is_paused_goes_on_where_it_was(tmp_path: Path, box: Daemon) -> None:
    async def scenario(runs: Runs) -> None:
        cmd = "echo up; until [ -e /v/go ]; do sleep 0.05; done; echo went on"
        text = document(f"- {{name: s, action: cmd.run, args: {{cmd: '{cmd}'}}}}")
        started = await runs.start(job(text), RunOptions())
        await until(lambda: text_of(runs, started.run_id))
        await asyncio.to_thread(box.api, "POST", f"/containers/{NAME}/pause")
        (tmp_path / "v" / "go").touch()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(box.api, "POST", f"/containers/{NAME}/unpause")
        await started.wait()
        assert started.results[0].outcome.stdout == "up\nwent on\n"

    with_runs(tmp_path / "state", scenario)


def test_one_that_does_not_run_may_come_back(tmp_path: Path, box: Daemon) -> None:
    box.api("POST", f"/containers/{NAME}/kill")
    steps = "- {name: s, action: cmd.run, args: {cmd: 'echo ran'}}"
    found = outcomes(tmp_path / "a", steps)["s"]
    assert found.error is not None
    assert (found.error["code"], found.error["class"]) == ("CONTAINER_STOPPED", "network")
    assert "does not run" in found.message
    assert str(found.error["hint"]).startswith(f"docker start {NAME}")

    async def scenario(runs: Runs) -> None:
        text = document(steps, "offline: {policy: wait, deadline: 60s}")
        started: Started = await runs.start(job(text), RunOptions())
        await _until_warned(runs, started.run_id)
        await asyncio.to_thread(box.api, "POST", f"/containers/{NAME}/start")
        await started.wait()
        assert started.results[0].outcome.stdout == "ran\n"

    with_runs(tmp_path / "b", scenario)


async def _until_warned(runs: Runs, run_id: str) -> None:
    async for event in runs.events(run_id, follow=True):
        if event.type == "warning.raised" and event.data["code"] == "OFFLINE":
            return


def test_a_paused_one_says_how_it_goes_on(tmp_path: Path, box: Daemon) -> None:
    box.api("POST", f"/containers/{NAME}/pause")
    found = outcomes(tmp_path, "- {name: s, action: cmd.run, args: {cmd: id}}")["s"]
    assert found.error is not None
    assert "is paused" in found.message
    assert str(found.error["hint"]).startswith(f"docker unpause {NAME}")


@pytest.mark.parametrize(
    ("name", "steps", "code"),
    [
        ("no-such-box", "{name: s, action: cmd.run, args: {cmd: id}}", "CONTAINER"),
        (NAME, "{name: s, action: cmd.run, args: {cmd: id}, become: nobody-knows}", "BECOME"),
        (NAME, f"{{name: s, action: docker.run, args: {{image: '{IMAGE}'}}}}", "NO_SOCKET"),
    ],
)
def test_what_cannot_work_says_why(
    name: str, steps: str, code: str, tmp_path: Path, box: Daemon
) -> None:
    found = outcomes(tmp_path / "state", f"- {steps}", name=name)["s"]
    assert found.error is not None
    assert (found.error["code"], found.error["retryable"]) == (code, False), found.error


def test_a_container_without_a_shell_is_no_host(tmp_path: Path, docker: Daemon) -> None:
    docker.run("shell-less", "/busybox", "sleep", "1000", image=_without_shell(docker))
    steps = "- {name: s, action: cmd.run, args: {cmd: id}}"
    found: dict[str, Any] = outcomes(tmp_path, steps, name="shell-less")
    error = found["s"].error
    assert (error["code"], error["retryable"]) == ("NO_SHELL", False)
    docker.clear()


def sleepers(docker: Daemon) -> list[str]:
    """Processes in the container that sleep for 3600 seconds and some."""
    rows = docker.api("GET", f"/containers/{NAME}/top?ps_args=-eo%20pid,args")["Processes"]
    return [row[1] for row in rows if row[1].startswith("sleep 360")]


def _without_shell(docker: Daemon) -> str:
    import io
    import shutil
    import tarfile

    data, program = io.BytesIO(), Path(shutil.which("busybox") or "").read_bytes()
    with tarfile.open(fileobj=data, mode="w") as tar:
        info = tarfile.TarInfo("busybox")
        info.size, info.mode = len(program), 0o755
        tar.addfile(info, io.BytesIO(program))
    docker.load("runyard/shell-less:test", data.getvalue())
    return "runyard/shell-less:test"
