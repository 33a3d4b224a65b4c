"""A relay's words, its place, and what it does when nobody speaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runyard.supervisor import launch, relay
from runyard.supervisor.frames import Decoder, encode
from runyard.supervisor.refusal import quoted


def start(home: Path, owner: str, idle: float = 30.0) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", launch.program(), "relay", owner, str(idle)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"HOME": str(home), "PATH": os.defpath},
    )


def greeting(process: subprocess.Popen[bytes]) -> dict[str, str]:
    assert process.stdout is not None
    said: dict[str, str] = json.loads(process.stdout.readline())["runyard"]
    return said


def test_a_machine_has_a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Homes may be on many machines, and a supervisor is on one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert relay.state_root() == f"{tmp_path}/.local/state/runyard/remote/{relay.machine()}"
    assert len(relay.machine()) == 12
    monkeypatch.setenv("XDG_STATE_HOME", f"{tmp_path}/state")
    assert relay.state_root() == f"{tmp_path}/state/runyard/remote/{relay.machine()}"


@pytest.mark.parametrize("name", ["plain", 'with "quotes" and \\', "schön-主机", "new\nline"])
def test_the_greeting_is_json_whatever_the_home_is_called(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    home.mkdir()
    with start(home, "relay-test") as process:
        said = greeting(process)
        assert said["root"] == f"{home}/.local/state/runyard/remote/{relay.machine()}"
        assert said["python"].startswith("3.")
        process.communicate()


def test_a_failure_is_told(tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("a file")
    with start(tmp_path, "relay-test") as process:
        said = greeting(process)
        assert (said["code"], ".local" in said["error"]) == ("SYSTEM", True)
        assert process.wait() == 1


def test_silence_ends_it(tmp_path: Path) -> None:
    with start(tmp_path, "relay-test", idle=0.2) as process:
        greeting(process)
        assert process.wait(20) == 0
        process.communicate()


def test_two_relays_of_an_owner_share_a_supervisor(tmp_path: Path) -> None:
    with start(tmp_path, "shared") as first:
        greeting(first)
        with start(tmp_path, "shared") as second:
            greeting(second)
            sockets = list(Path(tmp_path, ".local/state/runyard/remote").rglob("*.sock"))
            sockets += list(Path(f"/tmp/runyard-{os.geteuid()}").glob("*.sock"))
            path = launch.socket_path(
                f"{tmp_path}/.local/state/runyard/remote/{relay.machine()}", "shared"
            )
            assert [str(each) for each in sockets].count(path) == 1
            second.communicate()
        first.communicate()


@pytest.mark.parametrize(
    ("harm", "code", "why"),
    [
        ("sys.modules['json'] = None", "NO_PYTHON", "json"),
        ("sys.modules['ctypes'] = None", "NO_PYTHON", "ctypes"),
        ("import select; select.epoll = None", "NO_SUPERVISOR", "not callable"),
    ],
)
def test_a_supervisor_that_cannot_start_says_why(
    tmp_path: Path, harm: str, code: str, why: str
) -> None:
    """The relay has greeted by then. Nothing stays behind that would be taken for a supervisor."""
    text = f"import sys; {harm}; sys.argv[0] = sys.argv.pop(1); sys.path.insert(0, sys.argv[0]); "
    text += "exec(open(sys.argv[0] + '/__main__.py').read())"
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", text, launch.program(), "relay", "sick", "30"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"HOME": str(tmp_path), "PATH": os.defpath},
    )
    with process:
        assert process.stdin is not None and process.stdout is not None
        root = greeting(process)["root"]
        process.stdin.write(encode({"verb": "hello", "version": 1, "owner": "sick", "epoch": 1}))
        process.stdin.flush()
        ((said, _),) = Decoder().feed(process.stdout.read())
        assert (said["error"]["code"], why in said["error"]["message"]) == (code, True)
    assert not os.path.exists(launch.socket_path(root, "sick"))


@pytest.mark.parametrize("text", ["", "plain", '"\\\n\x7f', "schön-主机-🚜", os.fsdecode(b"\xff")])
def test_quoted_is_json(text: str) -> None:
    assert json.loads(quoted(text)) == text
    assert quoted(text).isascii()
