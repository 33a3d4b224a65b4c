from __future__ import annotations

import time
from pathlib import Path

import pytest

from runyard.agent.shelf import Shelf
from runyard.agent.spools import SpoolFull, Spools


def write(runs: Path, run: str, size: int) -> None:
    folder = runs / run / "output"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.log").write_bytes(b"x" * size)


def test_output_is_added_up(tmp_path: Path) -> None:
    spools = Spools(tmp_path, 1000, Shelf(tmp_path))
    spools.look()
    spools.check()
    write(tmp_path, "one", 600)
    write(tmp_path, "two", 399)
    (tmp_path / "no-run").touch()
    spools.look()
    assert spools.total == 999
    spools.check()
    write(tmp_path, "two", 400)
    spools.look()
    assert spools.full
    with pytest.raises(
        SpoolFull, match="keeps 1000 bytes of output and results, and its --max-spool is 1000"
    ):
        spools.check()


def test_idle_is_what_does_not_change(tmp_path: Path) -> None:
    spools = Spools(tmp_path, 1000, Shelf(tmp_path))
    write(tmp_path, "old", 1)
    write(tmp_path, "new", 1)
    spools.look()
    assert spools.idle(3600) == []
    time.sleep(0.05)
    write(tmp_path, "new", 2)
    spools.look()
    assert spools.idle(0.04) == ["old"]
    assert sorted(spools.idle(0)) == ["new", "old"]


def test_the_time_of_day_makes_nothing_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spools = Spools(tmp_path, 1000, Shelf(tmp_path))
    write(tmp_path, "run", 1)
    spools.look()
    monkeypatch.setattr(time, "time", lambda: 4e9)
    spools.look()
    assert spools.idle(60) == []
