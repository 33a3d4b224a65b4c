"""Which runs go."""

from __future__ import annotations

from pathlib import Path

from runyard.cli.pruning import select, size_of
from runyard.model.run import RunRecord
from runyard.model.status import Status


def record(name: str, ended: float | None, status: Status = Status.SUCCESS) -> RunRecord:
    return RunRecord(name, status=status, finished_at=ended)


RUNS = [
    record("new-running", None, Status.RUNNING),
    record("failed-new", 90.0, Status.FAILED),
    record("good-old", 10.0),
    record("failed-old", 5.0, Status.FAILED),
]


def names(**options: object) -> list[str]:
    given = {"age": None, "keep": None, "status": None, "now": 100.0, **options}
    return [r.run_id for r in select(RUNS, **given)]  # type: ignore[arg-type]


def test_a_run_that_goes_on_never_goes() -> None:
    assert "new-running" not in names(keep=0)


def test_by_age() -> None:
    assert names(age=50.0) == ["good-old", "failed-old"]


def test_keep_counts_the_newest_of_all() -> None:
    assert names(keep=2) == ["good-old", "failed-old"]
    assert names(keep=3, age=0.0) == ["failed-old"]


def test_by_status() -> None:
    assert names(keep=0, status="failed") == ["failed-new", "failed-old"]


def test_size(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"12345")
    (tmp_path / "y").write_bytes(b"1")
    assert size_of(tmp_path) == 6
    assert size_of(tmp_path / "nowhere") == 0
