"""From a step's arguments to the container that the daemon is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from runyard.hosts.dummy import DummyConnector
from runyard.model.action import Work
from runyard.model.errors import ArgumentError
from runyard.model.limits import Limits
from runyard.runners.actions.docker import DockerRun
from runyard.runners.docker.mark import Mark
from runyard.runners.docker.spec import check_volume, config
from runyard.runners.params import resolve_args

ATTEMPT = "run-00000001/build it/web1/2"


def made(args: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = resolve_args(DockerRun.params, {"image": "i", **args})
    return config(Work(ATTEMPT, "web1", DummyConnector(), given, **more), Mark(ATTEMPT, "h"))


@pytest.mark.parametrize(
    ("args", "entrypoint", "cmd"),
    [
        ({}, None, None),
        ({"args": ["a"]}, None, ["a"]),
        ({"command": "ls | wc"}, ["/bin/sh", "-c"], ["ls | wc"]),
        ({"command": ["ls", "-l"]}, None, ["ls", "-l"]),
        ({"command": ["ls"], "args": ["-l", 5]}, None, ["ls", "-l", "5"]),
        ({"command": "ls", "args": ["-l"]}, None, ["ls", "-l"]),
        ({"command": "ls", "entrypoint": ["tini", "--"]}, ["tini", "--"], ["/bin/sh", "-c", "ls"]),
        ({"command": ["ls"], "entrypoint": []}, [], ["ls"]),
    ],
)
def test_commands(args: dict[str, Any], entrypoint: list[str], cmd: list[str]) -> None:
    found = made(args)
    assert (found.get("Entrypoint"), found.get("Cmd")) == (entrypoint, cmd)


def test_a_shell_line_takes_no_arguments() -> None:
    with pytest.raises(ArgumentError, match="is a program"):
        made({"command": 'echo "${X}"', "args": ["a"]})


def test_what_limits_a_step_limits_its_container() -> None:
    limits = Limits(memory=1 << 20, processes=7, open_files=9)
    host = made({}, limits=limits)["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (1 << 20, 1 << 20, 7)
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 9, "Hard": 9}]
    assert made({"memory": "2m"}, limits=limits)["HostConfig"]["Memory"] == 2 << 20
    plain = made({})["HostConfig"]
    assert plain.keys() == {"LogConfig", "Init"}
    assert made({"cpus": 1.5, "init": False})["HostConfig"]["NanoCpus"] == 1_500_000_000
    with pytest.raises(ArgumentError, match="cpus"):
        made({"cpus": 0})


def test_the_environment_is_the_scope_and_the_steps_own_over_it() -> None:
    found = made({"env": {"A": 1, "B": None, "C": [1]}}, env={"A": "x", "S": "s"})["Env"]
    assert found == ["A=1", "S=s", "B=", "C=[1]"]


@pytest.mark.parametrize(
    "text", ["/a:/b", "/a:/b:ro", "name:/b", "/only/in/it", "name.1_x-2:/b:nocopy"]
)
def test_volumes(text: str) -> None:
    assert check_volume(text) == text


@pytest.mark.parametrize("text", ["", ":/b", "./a:/b", "a/b:/c", "../x:/y", "/a:b", "/a:"])
def test_what_is_no_volume(text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        check_volume(text)
    assert caught.value.code == "VOLUME" and "/path/in/it" in caught.value.hint


def test_the_home_directory_is_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert check_volume("~/data:/data") == "/home/ada/data:/data"


def test_one_attempt_has_one_name() -> None:
    mark = Mark(ATTEMPT, "h", deadline=5.0)
    assert mark.name == Mark(ATTEMPT, "h").name != Mark(ATTEMPT, "other").name
    assert mark.name.startswith("runyard-build-it-web1-2-")
    assert Mark("run-00000001/ü/ß/1").name.startswith("runyard-1-")
    assert len(Mark(f"run-00000001/{'x' * 500}/h/1").name) < 80
    assert mark.labels()["runyard.attempt"] == ATTEMPT
    assert mark.labels()["runyard.deadline"] == "5.000"
    assert mark.is_on(mark.labels())
    assert not Mark(ATTEMPT, "other").is_on(mark.labels())
    assert not mark.is_on(None)
