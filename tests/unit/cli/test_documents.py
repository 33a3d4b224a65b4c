"""Workflows that the command line, or an earlier run, names."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.cli.documents import job_of_spec, read_job
from runyard.cli.settings import Settings
from runyard.model.errors import WorkflowError

TEXT = "version: v0.1\nname: w\nsteps:\n  - {name: s, action: cmd.run, args: {cmd: echo}}\n"


def test_relative_files_are_next_to_the_workflow(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(TEXT)
    assert read_job(str(path), Settings()).base == tmp_path


def test_warnings_go_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(TEXT.replace("args:", "with:"))
    read_job(str(path), Settings())
    assert "warning[WF" in capsys.readouterr().err
    read_job(str(path), Settings(quiet=True))
    assert capsys.readouterr().err == ""


def test_an_earlier_run_uses_its_file_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(TEXT.replace("name: w", "name: new"))
    spec = {"path": str(path), "text": TEXT, "base": str(tmp_path), "digest": "", "options": {}}
    assert job_of_spec(spec).pipeline.name == "new"


def test_a_file_that_is_gone_is_taken_from_the_journal(tmp_path: Path) -> None:
    spec = {"path": str(tmp_path / "gone.yaml"), "text": TEXT, "base": "/somewhere"}
    job = job_of_spec(spec)
    assert job.pipeline.name == "w"
    assert job.base == Path("/somewhere")
    with pytest.raises(WorkflowError):
        job_of_spec(spec, str(tmp_path / "gone.yaml"))
