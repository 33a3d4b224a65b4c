"""Workflows that the command line, or an earlier run, names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runyard.cli.documents import job_of_spec, read_job
from runyard.cli.inventories import outer_inventory, with_inventory
from runyard.cli.settings import Settings
from runyard.hosts.inventory import Group, Host, Inventory
from runyard.model.errors import WorkflowError
from runyard.service.job import RunOptions

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


def test_an_earlier_run_keeps_the_inventory_that_it_had(tmp_path: Path) -> None:
    outer = Inventory.of([Host("web1", "ssh://web1", {"A": "${secret:TOKEN}"})], [Group("g")])
    spec = {
        "path": str(tmp_path / "gone.yaml"),
        "text": TEXT.replace("name: s,", "name: s, targets: [web1],"),
        "base": str(tmp_path),
        "inventory": json.loads(json.dumps(outer.to_dict())),
    }
    job = job_of_spec(spec)
    assert job.inventory.hosts == outer.hosts
    assert job.outer == outer
    assert job.secrets == ("TOKEN",)
    with pytest.raises(WorkflowError, match="unknown target"):
        job_of_spec({**spec, "inventory": None})


def test_the_digest_is_of_the_inventory_as_well(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(TEXT)
    digests = {
        read_job(str(path), Settings(), outer).digest
        for outer in (
            None,
            Inventory.of([Host("web1", "local")]),
            Inventory.of([Host("web1", "local", {"A": 1})]),
            Inventory.of([Host("web1", "local")], [Group("g", ("web1",))]),
        )
    }
    assert len(digests) == 4


def test_the_inventory_of_the_environment_is_for_those_who_give_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outer_inventory((), Settings()) is None
    assert with_inventory(RunOptions(), Settings()) == (RunOptions(), None)
    (tmp_path / "hosts").write_text("web1 ansible_password=hunter2hunter2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNYARD_INVENTORY", "hosts,")
    options, found = with_inventory(RunOptions(), Settings())
    assert found is not None
    assert list(found.hosts) == ["hosts"]
    assert options.inventory == ("hosts,",)
    options, found = with_inventory(RunOptions(inventory=("hosts",)), Settings())
    assert found is not None
    assert list(found.hosts) == ["web1"]
    assert options.inventory == (str(tmp_path / "hosts"),)
    told = capsys.readouterr().err
    assert told.startswith("runyard: warning: hosts: passwords of connections")
    assert "hunter2" not in told
    assert with_inventory(RunOptions(), Settings(), fixed=True) == (RunOptions(), None)
    outer_inventory(("hosts",), Settings(quiet=True))
    assert capsys.readouterr().err == ""
