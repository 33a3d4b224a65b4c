"""What an original agent is given: nothing of the work is pasted into a shell text."""

from __future__ import annotations

import subprocess

import pytest

from runyard.hosts.agent.original_command import command
from runyard.model.errors import ArgumentError


def run(argv: list[str], **more: object) -> str:
    task = command("run", "id", "far", "s", argv, env={"X": "1"}, **more)  # type: ignore[arg-type]
    args = task["Step"]["args"]
    env = {"PATH": "/usr/bin:/bin", **args["env"]}
    done = subprocess.run(["sh", "-c", args["cmd"]], env=env, capture_output=True, check=True)
    return done.stdout.decode()


def test_words_stay_words() -> None:
    words = ["a b", "$X", "$(id)", "`id`", "'", '"', "\\", "*", "", "new\nline", "é"]
    assert run(["printf", "%s|", *words]) == "".join(f"{word}|" for word in words)


@pytest.mark.parametrize("data", [b"", b"one\n", bytes(range(256)), b"x" * 700_000])
def test_stdin_comes_by_the_environment_and_is_not_left_there(data: bytes) -> None:
    assert run(["wc", "-c"], stdin=data).strip() == str(len(data))
    assert "RUNYARD_STDIN" not in run(["env"], stdin=data)


def test_more_stdin_than_fits_is_refused() -> None:
    with pytest.raises(ArgumentError, match="at most 1 MiB"):
        command("run", "id", "far", "s", ["cat"], env={}, stdin=b"x" * (2 << 20))


def test_what_is_asked_for() -> None:
    task = command("run-1", "run-1/s/far/1", "far", "s", ["true"], env={"A": "b"}, cwd="/srv",
                   exports=True, output_path="/tmp/x")  # fmt: skip
    assert (task["ID"], task["RunID"], task["Vars"]) == ("run-1/s/far/1", "run-1", {"A": "b"})
    assert task["Step"]["action"] == "cmd.run"
    assert task["Step"]["args"] == {
        "cmd": "exec true", "env": {"A": "b"}, "dir": "/srv", "export_vars": True,
        "output_path": "/tmp/x",
    }  # fmt: skip
