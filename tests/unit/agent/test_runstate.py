from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runyard.agent.runstate import Seen, attempts, record_of
from runyard.model.status import Status

RUN = "run-00000001"


def write(folder: Path, starts: list[str], exits: dict[str, dict[str, Any]]) -> None:
    (folder / "starts.jsonl").write_text(
        "".join(json.dumps({"attempt": name, "at": 5.0}) + "\n" for name in starts) + '{"torn'
    )
    (folder / "exits.jsonl").write_text(
        "".join(json.dumps({"attempt": name, **end}) + "\n" for name, end in exits.items())
    )


def seen(folder: Path, alive: set[str], tasks: list[str]) -> dict[str, Status]:
    return {f"{s.step}/{s.host}": s.status for s in attempts(folder, alive.__contains__, tasks)}


def test_attempts_by_what_the_supervisor_wrote(tmp_path: Path) -> None:
    ends = {
        "ok/h": {"ended_by": "exit", "exit_code": 0},
        "bad/h": {"ended_by": "exit", "exit_code": 2},
        "killed/h": {"ended_by": "signal:9", "exit_code": None},
        "late/h": {"ended_by": "timeout", "exit_code": None},
        "stopped/h": {"ended_by": "cancel", "exit_code": 143},
        "lost/h": {"ended_by": "lost", "exit_code": None, "error": "gone"},
        "full/h": {"ended_by": "limit:output", "exit_code": 143},
    }
    starts = [f"{RUN}/{place}/1" for place in [*ends, "runs/h", "silent/h", "task/h"]]
    write(tmp_path, starts, {f"{RUN}/{place}/1": end for place, end in ends.items()})
    found = seen(tmp_path, {f"{RUN}/runs/h/1"}, [f"{RUN}/task/h/1"])
    assert found == {
        "ok/h": "success",
        "bad/h": "failed",
        "killed/h": "failed",
        "late/h": "timeout",
        "stopped/h": "canceled",
        "lost/h": "error",
        "full/h": "failed",
        "runs/h": "running",
        "silent/h": "interrupted",
    }


def test_the_last_attempt_counts_and_names_have_slashes(tmp_path: Path) -> None:
    good = {"ended_by": "exit", "exit_code": 0}
    bad = {"ended_by": "exit", "exit_code": 1}
    step = "module/step[0]"
    write(
        tmp_path,
        [f"{RUN}/{step}/h/1", f"{RUN}/{step}/h/2"],
        {f"{RUN}/{step}/h/1": bad, f"{RUN}/{step}/h/2": good},
    )
    assert seen(tmp_path, set(), []) == {f"{step}/h": "success"}
    assert seen(tmp_path / "missing", set(), []) == {}


def test_the_record_is_as_bad_as_its_worst_step() -> None:
    def status(*statuses: Status) -> Status:
        found = [Seen(f"s{n}", "h", each, 1.0, 2.0) for n, each in enumerate(statuses)]
        return record_of(RUN, found).status

    assert status(Status.SUCCESS, Status.SKIPPED) == "success"
    assert status(Status.SUCCESS, Status.TIMEOUT) == "failed"
    assert status(Status.ERROR, Status.CANCELED) == "failed"
    assert status(Status.CANCELED, Status.SUCCESS) == "canceled"
    assert status(Status.FAILED, Status.INTERRUPTED) == "interrupted"
    assert status(Status.FAILED, Status.RUNNING, Status.INTERRUPTED) == "running"


def test_steps_have_hosts_and_times() -> None:
    record = record_of(
        RUN,
        [
            Seen("a", "h1", Status.SUCCESS, 3.0, 4.0),
            Seen("a", "h2", Status.FAILED, 1.0, 9.0, "exit code 1", {"stdout": "x"}),
            Seen("b", "h1", Status.RUNNING, 5.0),
        ],
    )
    first, second = record.steps
    assert (first.status, first.started_at, first.finished_at) == ("failed", 1.0, 9.0)
    assert first.message == "exit code 1"
    assert first.hosts["h2"].output == {"stdout": "x"}
    assert (second.status, second.finished_at) == ("running", None)
    assert (record.status, record.started_at, record.finished_at) == ("running", 1.0, None)
    assert (
        json.loads(json.dumps(record.to_dict()))["steps"][0]["hosts"]["h1"]["status"] == "success"
    )
