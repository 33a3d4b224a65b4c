"""What the files of dead supervisors tell."""

from __future__ import annotations

import json
from pathlib import Path

from runyard.hosts.past import Past, exit_from
from runyard.supervisor.lost import captured
from runyard.supervisor.spool import Spool


def write(path: Path, *records: dict[str, object]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def test_exits_and_starts(tmp_path: Path) -> None:
    write(
        tmp_path / "exits.jsonl",
        {"attempt": "r/a/h/1", "exit_code": 3, "signal": None, "ended_by": "exit", "later": 1},
        {"attempt": "r/a/h/2", "exit_code": 1, "signal": None, "ended_by": "exit", "stdout": ""},
        {"attempt": "r/a/h/2", "exit_code": 1, "signal": None, "ended_by": "exit", "stdout": "x"},
    )
    with (tmp_path / "exits.jsonl").open("a") as file:
        file.write('{"attempt": "r/torn')
    write(
        tmp_path / "starts.jsonl",
        {"attempt": "r/b/h/1", "mark": 0, "supervisor": "old", "pid": 6, "at": 0.0},
        {"attempt": "r/c/h/1", "mark": 0, "supervisor": "new", "pid": 6, "at": 0.0},
    )
    past = Past(supervisor="new")
    ended = past.exit_of(tmp_path, "r/a/h/1")
    assert ended is not None and ended.exit_code == 3
    assert (past.exit_of(tmp_path, "r/a/h/2") or ended).stdout == "x"
    assert past.knows(tmp_path, "r/b/h/1") and past.exit_of(tmp_path, "r/b/h/1") is None
    assert not past.knows(tmp_path, "r/c/h/1")  # the present supervisor has it
    assert not past.knows(tmp_path, "r/torn")
    assert not Past("x").knows(tmp_path / "none", "r/a/h/1")


def test_a_loss_is_recorded_with_the_output_so_far(tmp_path: Path) -> None:
    write(
        tmp_path / "starts.jsonl",
        {"attempt": "r/b/h/1", "mark": 0, "supervisor": "old", "pid": 6, "at": 0.0},
    )
    spool = Spool(str(tmp_path / "b.log"))
    spool.append(1, b"so far", 0, 0.0)
    spool.append(2, b"and so bad", 0, 0.0)
    spool.close()
    (tmp_path / "exits.jsonl").write_text('{"attempt": "r/a/h/1", "ex')  # torn
    lost = Past("new").lose(tmp_path, "r/b/h/1", tmp_path / "b.log")
    assert (lost.ended_by, lost.exit_code, lost.survivors) == ("lost", None, 0)
    assert (lost.stdout, lost.stderr, lost.stderr_bytes) == ("so far", "and so bad", 10)
    assert Past("new").exit_of(tmp_path, "r/b/h/1") == lost


def test_values() -> None:
    record = {"exit_code": None, "signal": 9, "ended_by": "signal:9", "warnings": ["w"], "x": 1}
    end = exit_from(record)
    assert end.warnings == ("w",) and end.signal == 9
    assert captured(Path("/no/such/spool"))[0].total == 0
