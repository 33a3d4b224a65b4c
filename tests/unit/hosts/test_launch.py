"""Where a supervisor listens, and what it may see of our environment."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.hosts import launch
from runyard.model.errors import SystemFault


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory with a path so short that sockets fit below it."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def test_sockets_differ_by_home_and_owner(short: Path) -> None:
    paths = {launch.socket_path(short / h, o) for h in ("a", "b") for o in ("x", "y")}
    assert len(paths) == 4
    assert {p.parent for p in paths} == {short / "a" / "sockets", short / "b" / "sockets"}
    assert (short / "a" / "sockets").stat().st_mode & 0o777 == 0o700
    assert all(len(p.name) == 16 + len(".sock") for p in paths)


def test_nothing_in_the_environment_moves_a_socket(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resume from cron must find the supervisor that a login session has started."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    before = launch.socket_path(short / "home", "me")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc/1")  # nobody can make a directory there
    assert launch.socket_path(short / "home", "me") == before
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert launch.socket_path(short / "home", "me") == before
    (short / "link").symlink_to(short / "home")
    assert launch.socket_path(short / "link", "me") == before


def test_a_home_too_deep_for_a_socket_has_it_in_tmp(short: Path) -> None:
    fits = short / ("d" * (100 - len(f"{short}//sockets/{'0' * 16}.sock")))
    assert len(str(launch.socket_path(fits, "me"))) == 100
    deep = Path(f"{fits}d")
    path = launch.socket_path(deep, "me")
    assert path.parent == Path(f"/tmp/runyard-{os.geteuid()}")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert launch.socket_path(deep, "you") != path


def test_a_directory_that_others_may_enter_is_refused(short: Path) -> None:
    (short / "sockets").mkdir()
    os.chmod(short / "sockets", 0o755)
    with pytest.raises(SystemFault) as caught:
        launch.socket_path(short, "me")
    assert caught.value.code == "SOCKET_DIR" and caught.value.hint
    os.rmdir(short / "sockets")
    (short / "sockets").symlink_to(short)
    with pytest.raises(SystemFault):
        launch.socket_path(short, "me")


def test_nobody_listens(tmp_path: Path) -> None:
    assert launch.reach(tmp_path / "none.sock") is None


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "x")
    monkeypatch.setenv("LC_ALL", "C")
    kept = launch.base_environment({"MORE": "1"})
    assert kept["PATH"] == os.environ["PATH"] and kept["LC_ALL"] == "C" and kept["MORE"] == "1"
    assert "TOKEN" not in kept


def test_what_killed_supervisors_left_is_removed(short: Path) -> None:
    path = launch.socket_path(short, "me")
    left, living = path.parent / "left.sock", path.parent / "living.sock"
    with socket.socket(socket.AF_UNIX) as dead, socket.socket(socket.AF_UNIX) as other:
        dead.bind(str(left))
        other.bind(str(living))
        other.listen()
        dead.close()
        sock, pid = launch.join(path, "me", launch.base_environment())
        again, none = launch.join(path, "me", launch.base_environment())
        assert pid and not none
        assert not left.exists() and living.exists()
        sock.close()
        again.close()
        os.waitpid(pid, 0)
