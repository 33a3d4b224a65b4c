"""A plan kept in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runyard.cli.planfile import PlanFile
from runyard.engine.plan import Plan, PlanRow
from runyard.model.errors import RunyardError, UsageError
from runyard.service.job import RunOptions

ROW = PlanRow("w", "s", "s", "local", "run")
PLAN = Plan("w", "d" * 64, {"local": ""}, {"local": {"A": "1"}}, {}, (ROW,))


def kept(tmp_path: Path, file: str = "w.yaml") -> Path:
    path = tmp_path / "p.json"
    PlanFile(PLAN, file, RunOptions(vars={"A": "1"}, local=True, limit=("a",))).write(str(path))
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = kept(tmp_path)
    read = PlanFile.read(str(path))
    assert read.plan == PLAN
    assert read.options == RunOptions(vars={"A": "1"}, local=True, limit=("a",))
    assert read.workflow_path(None) == "w.yaml"
    assert read.workflow_path("other.yaml") == "other.yaml"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_plan_of_standard_input_needs_its_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="FILE"):
        PlanFile.read(str(kept(tmp_path, "-"))).workflow_path(None)


def test_options_beside_a_plan_are_refused(tmp_path: Path) -> None:
    read = PlanFile.read(str(kept(tmp_path)))
    assert read.options_with(RunOptions()) == read.options
    with pytest.raises(UsageError, match="fixed by the plan"):
        read.options_with(RunOptions(tags=("x",)))
    with pytest.raises(UsageError, match="-i, --var"):
        read.options_with(RunOptions(inventory=("hosts",)))


def test_a_plan_changed_by_hand_is_refused(tmp_path: Path) -> None:
    path = kept(tmp_path)
    data = json.loads(path.read_text())
    data["plan"]["rows"][0]["host"] = "other"
    path.write_text(json.dumps(data))
    with pytest.raises(RunyardError, match="changed"):
        PlanFile.read(str(path))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "other"}', "\x00"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="is no plan"):
        PlanFile.read(str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        PlanFile.read(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="--out"):
        PlanFile(PLAN, "w.yaml", RunOptions()).write(str(tmp_path / "no" / "p.json"))
