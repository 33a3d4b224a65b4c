from __future__ import annotations

from pathlib import Path

import pytest

from runyard.agent import fences as module
from runyard.agent.fences import Fences
from runyard.model.errors import FencedError

RUN = "run-00000001"


def test_older_epochs_are_refused_in_every_life(tmp_path: Path) -> None:
    fences = Fences(tmp_path)
    fences.pass_through(RUN, 3)
    fences.pass_through(RUN, 3)
    fences.pass_through("run-00000002", 1)
    for known in (fences, Fences(tmp_path)):
        with pytest.raises(FencedError, match="epoch 3"):
            known.pass_through(RUN, 2)
        known.check(RUN, 4)
        known.check(RUN, 3)


def test_a_fence_that_cannot_be_written_stands_in_this_life(tmp_path: Path) -> None:
    fences = Fences(tmp_path / "missing")
    fences.pass_through(RUN, 2)
    with pytest.raises(FencedError):
        fences.pass_through(RUN, 1)


def test_files_that_are_none_and_very_many_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / RUN).write_text("nonsense")
    monkeypatch.setattr(module, "_REMEMBERED", 3)
    monkeypatch.setattr(module, "_FILED", 5)
    fences = Fences(tmp_path)
    for n in range(10):
        fences.pass_through(f"run-0000000{n}", n + 1)
    with pytest.raises(FencedError):
        fences.pass_through("run-00000001", 1)
    fences.prune()
    assert len(list(tmp_path.iterdir())) == 5
