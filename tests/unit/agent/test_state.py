from __future__ import annotations

import os
from pathlib import Path

import pytest

from runyard.agent.state import State
from runyard.model.errors import ConflictError, SystemFault


def test_each_life_has_a_higher_epoch(tmp_path: Path) -> None:
    epochs = []
    for _ in range(3):
        state = State.open(tmp_path / "deep" / "state")
        epochs.append(state.epoch)
        assert {path.name for path in state.root.iterdir()} >= {"tasks", "runs", "fences"}
        assert state.root.stat().st_mode & 0o777 == 0o700
        state.close()
        state.close()
    assert epochs == [1, 2, 3]


def test_one_process_has_it_at_a_time(tmp_path: Path) -> None:
    state = State.open(tmp_path)
    with pytest.raises(ConflictError, match=f"pid {os.getpid()}") as caught:
        State.open(tmp_path)
    assert caught.value.code == "STATE_IN_USE"
    state.close()
    State.open(tmp_path).close()


def test_a_directory_that_others_can_read_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    State.open(tmp_path).close()
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_directories_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for root in (file, file / "below"):
        with pytest.raises(SystemFault, match="cannot be used"):
            State.open(root)


def test_an_epoch_that_is_none_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "epoch").write_text("x")
    state = State.open(tmp_path)
    assert state.epoch == 1
    state.close()
