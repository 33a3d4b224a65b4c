"""Where a supervisor listens, and what it may see of our environment."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from runyard.hosts import launch
from runyard.model.errors import SystemFault


def test_sockets_differ_by_home_and_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_LONGEST", 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    paths = {launch.socket_path(tmp_path / h, o) for h in ("a", "b") for o in ("x", "y")}
    assert len(paths) == 4
    assert {p.parent for p in paths} == {tmp_path / "runyard"}
    assert (tmp_path / "runyard").stat().st_mode & 0o777 == 0o700
    assert all(len(p.name) == 16 + len(".sock") for p in paths)


def test_a_directory_that_others_may_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "_LONGEST", 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "runyard").mkdir()
    os.chmod(tmp_path / "runyard", 0o755)
    with pytest.raises(SystemFault) as caught:
        launch.socket_directory()
    assert caught.value.code == "SOCKET_DIR" and caught.value.hint
    os.rmdir(tmp_path / "runyard")
    (tmp_path / "runyard").symlink_to(tmp_path)
    with pytest.raises(SystemFault):
        launch.socket_directory()


def test_nobody_listens(tmp_path: Path) -> None:
    assert launch.reach(tmp_path / "none.sock") is None


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "x")
    monkeypatch.setenv("LC_ALL", "C")
    kept = launch.base_environment({"MORE": "1"})
    assert kept["PATH"] == os.environ["PATH"] and kept["LC_ALL"] == "C" and kept["MORE"] == "1"
    assert "TOKEN" not in kept


def test_what_killed_supervisors_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    path = launch.socket_path(tmp_path, "me")
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
    shutil.rmtree(short)
