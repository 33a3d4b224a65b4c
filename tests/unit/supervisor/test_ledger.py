"""Starts and exits on disk, also when the disk is full for a while."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runyard.supervisor.ledger import Ledger
from runyard.supervisor.loop import Loop
from runyard.supervisor.refusal import Refusal


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def unexpected(error: BaseException) -> None:
    raise error


def test_starts_and_exits(tmp_path: Path) -> None:
    ledger = Ledger(Loop(unexpected))
    exits = tmp_path / "run" / "output" / "exits.jsonl"
    ledger.started("r/s/h/1", 77, str(exits), 1.5)
    (start,) = lines(exits.parent / "starts.jsonl")
    assert (start["attempt"], start["mark"], start["at"]) == ("r/s/h/1", 77, 1.5)
    assert not ledger.knows("r/s/h/1")
    line = ledger.ended("r/s/h/1", {"attempt": "r/s/h/1", "warnings": []}, "spool")
    assert exits.read_bytes() == line == ledger.exit_of("r/s/h/1")
    assert ledger.known() == ["r/s/h/1"] and ledger.spool_of("r/s/h/1") == "spool"
    assert ledger.settled
    exits.unlink()
    with pytest.raises(Refusal, match="removed"):
        ledger.exit_of("r/s/h/1")
    assert ledger.forget("r/s/h/1") and not ledger.forget("r/s/h/1")


def full(path: Path) -> Path:
    """`path` as a file on a disk without room."""
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("/dev/full")
    return path


def test_what_cannot_be_written_is_kept_and_written_later(tmp_path: Path) -> None:
    loop = Loop(unexpected)
    ledger = Ledger(loop)
    exits = full(tmp_path / "exits.jsonl")
    ledger.started("r/s/h/1", 1, str(exits), 0.0)
    record = {"attempt": "r/s/h/1", "warnings": [], "stdout": "kept"}
    line = ledger.ended("r/s/h/1", record, "")
    assert b"could not be written yet: No space" in line
    assert not ledger.settled and ledger.exit_of("r/s/h/1") == line
    exits.unlink()
    exits.touch()
    loop.run(lambda: ledger.settled)
    assert exits.read_bytes() == line == ledger.exit_of("r/s/h/1")


def test_a_start_that_cannot_be_recorded_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(Loop(unexpected))
    full(tmp_path / "starts.jsonl")
    with pytest.raises(OSError, match="could not be recorded: No space left") as caught:
        ledger.started("r/s/h/1", 1, str(tmp_path / "exits.jsonl"), 0.0)
    assert caught.value.filename == str(tmp_path / "starts.jsonl")


def test_records_that_are_none_are_passed_over(tmp_path: Path) -> None:
    ledger = Ledger(Loop(unexpected))
    odd = '5\n{"attempt": 5}\n{"attempt": null}\n{"mark": 1}\n[]\nnonsense\n'
    (tmp_path / "exits.jsonl").write_text(odd + '{"attempt": "r/s/h/1"}\n')
    (tmp_path / "starts.jsonl").write_text(odd)
    assert ledger.recover(str(tmp_path), [], {}) == 0
    assert ledger.known() == ["r/s/h/1"]


def test_a_torn_line_does_not_swallow_the_next(tmp_path: Path) -> None:
    (tmp_path / "starts.jsonl").write_text('{"attempt": "torn')
    (tmp_path / "exits.jsonl").write_text('{"attempt": "r/')
    ledger = Ledger(Loop(unexpected))
    ledger.started("r/s/h/1", 1, str(tmp_path / "exits.jsonl"), 0.0)
    ledger.started("r/s/h/2", 1, str(tmp_path / "exits.jsonl"), 0.0)
    line = ledger.ended("r/s/h/1", {"attempt": "r/s/h/1", "warnings": []}, "")
    starts = (tmp_path / "starts.jsonl").read_text().splitlines()
    assert [json.loads(text)["attempt"] for text in starts[1:]] == ["r/s/h/1", "r/s/h/2"]
    assert (tmp_path / "exits.jsonl").read_bytes().splitlines(True)[1] == line
    assert ledger.exit_of("r/s/h/1") == line


def test_many_runs_do_not_keep_many_files_open(tmp_path: Path) -> None:
    ledger = Ledger(Loop(unexpected))
    for n in range(200):
        ledger.started(f"r{n}/s/h/1", 1, str(tmp_path / str(n) / "exits.jsonl"), 0.0)
    assert len(ledger._files) <= 64
