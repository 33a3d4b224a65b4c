"""Containers that nobody waits for: swept when their run is over, kept while it may be resumed."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from runyard.model.errors import ConflictError
from runyard.runners.docker.daemon import connect
from runyard.runners.docker.mark import Mark, home_id
from runyard.runners.docker.sweep import FORGOTTEN, judge, sweep
from runyard.store.home import Home
from tests.integration.dockerd import IMAGE, Daemon
from tests.integration.dockers import ours, outcome_in, perform

RUN = "run-of-before-1"


def leave(docker: Daemon, home: Path, attempt: str = f"{RUN}/s/local/1", **more: Any) -> str:
    """A container as `home` would have left it; its name."""
    mark = Mark(attempt, home_id(home) if home.is_dir() else "", **more)
    config = {
        "Image": IMAGE,
        "Cmd": ["sleep", "1000"],
        "Labels": mark.labels(),
        "HostConfig": {"NetworkMode": "none"},
    }
    docker.api("POST", f"/containers/create?name={mark.name}", config)
    docker.api("POST", f"/containers/{mark.name}/start")
    return mark.name


def names(docker: Daemon) -> list[str]:
    return [found["Names"][0][1:] for found in docker.containers()]


def swept(docker: Daemon, home: Path) -> int:
    async def go() -> int:
        client = connect(docker.address)
        try:
            return await sweep(client, home)
        finally:
            await client.close()

    return asyncio.run(go())


def book(home: Path, *lines: dict[str, Any], run: str = RUN) -> None:
    """What the run knows of its containers."""
    folder = home / "runs" / run / "output"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "containers.jsonl").open("a") as file:
        file.writelines(
            json.dumps({"attempt": f"{run}/s/local/1", **line}) + "\n" for line in lines
        )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return Home(tmp_path / "state").prepare().root


def test_a_run_that_is_no_more_has_no_containers(home: Path, docker: Daemon) -> None:
    leave(docker, home)
    assert swept(docker, home) == 1
    assert names(docker) == []


def test_of_an_interrupted_run_it_is_kept_for_a_resume(home: Path, docker: Daemon) -> None:
    book(home, {"begun": time.time(), "base": {}})
    name = leave(docker, home)
    assert swept(docker, home) == 0
    assert names(docker) == [name]
    docker.clear()


def test_after_its_deadline_it_is_ended_and_kept_for_its_result(home: Path, docker: Daemon) -> None:
    book(home, {"begun": time.time() - 1000, "base": {}})
    name = leave(docker, home, deadline=time.time() - 100)
    assert swept(docker, home) == 1
    assert docker.inspect(name)["State"]["Running"] is False
    docker.clear()


def test_nobody_touches_what_a_living_run_has(home: Path, docker: Daemon) -> None:
    book(home, {"begun": time.time() - 1000, "ordered": time.time() - 900})
    name = leave(docker, home, deadline=time.time() - 100)
    with Home(home).own(RUN):
        assert swept(docker, home) == 0
        assert docker.inspect(name)["State"]["Running"]
    assert swept(docker, home) == 1  # its cancellation was ordered long ago
    assert names(docker) == []


def test_other_homes_and_other_peoples_containers_are_none_of_our_business(
    tmp_path: Path, home: Path, docker: Daemon
) -> None:
    other = Home(tmp_path / "other").prepare().root
    kept = {
        leave(docker, other),
        leave(docker, tmp_path / "none", "exec-00000001/docker.run/local/1"),
    }
    docker.run("by-hand", "sleep", "1000")
    assert home_id(home) != home_id(other)
    assert swept(docker, home) == 0
    assert set(names(docker)) == kept | {"by-hand"}
    docker.clear()


def test_a_recorded_end_leaves_no_container(home: Path, docker: Daemon) -> None:
    exit = {"exit_code": 0, "signal": None, "ended_by": "exit", "warnings": []}
    book(home, {"begun": 1.0, "base": {}}, {"exit": exit, "data": {}})
    leave(docker, home)
    assert swept(docker, home) == 1
    assert names(docker) == []


def test_the_first_container_of_a_run_sweeps_for_it(tmp_path: Path, docker: Daemon) -> None:
    home = Home(tmp_path).prepare().root
    leave(docker, home)
    found = outcome_in(home, {"command": "true"})
    assert found.exit_code == 0
    assert names(docker) == []


def test_pruning_takes_containers_along(tmp_path: Path, docker: Daemon, program: Any) -> None:
    home = Home(tmp_path / "state").prepare().root
    path = tmp_path / "w.yaml"
    path.write_text(
        "version: v0.1\nname: x\nsteps: [{name: a, action: cmd.run, args: {cmd: 'true'}}]"
    )
    assert program("run", path, "--run-id", RUN).returncode == 0
    leave(docker, home)
    pruned = program("prune", "--keep", "0", DOCKER_HOST=docker.address)
    assert pruned.returncode == 0, pruned.stderr
    assert names(docker) == []


def test_an_end_that_nobody_fetched_is_forgotten_in_the_end(home: Path) -> None:
    """What is judged is an entry of the daemon's list."""
    book(home, {"begun": 1.0, "base": {}})
    labels = Mark(f"{RUN}/s/local/1", home_id(home)).labels()
    entry = {"Id": "x", "Labels": labels, "State": "exited", "Created": 1000.0}
    assert judge(home, entry, 1000.0 + FORGOTTEN - 1) == ""
    assert judge(home, entry, 1000.0 + FORGOTTEN + 1) == "remove"
    assert judge(home, {**entry, "State": "running"}, 1000.0 + FORGOTTEN + 1) == ""
    stray = {**entry, "Labels": Mark("exec-00000001/docker.run/local/1").labels()}
    assert judge(home, stray, 1000.0 + FORGOTTEN + 1) == "remove"
    assert judge(home, {**stray, "State": "running"}, 1000.0 + FORGOTTEN + 1) == ""
    odd = {**entry, "Labels": {**labels, "runyard.run": "../../etc"}}
    assert judge(home, odd, 1000.0 + FORGOTTEN + 1) == ""
    shutil.rmtree(home / "runs")
    assert judge(home, {**entry, "State": "running"}, 1001.0) == "remove"


def test_a_name_that_somebody_else_has_taken_is_an_error(tmp_path: Path, docker: Daemon) -> None:
    home = Home(tmp_path).prepare().root
    name = Mark("run-00000001/s/local/1", home_id(home)).name
    docker.run(name, "sleep", "1000")
    with pytest.raises(ConflictError, match="somebody else"):
        asyncio.run(perform(home, {"command": "true"}))
    assert names(docker) == [name]
    assert ours(docker) == []
    docker.clear()
