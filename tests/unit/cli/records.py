"""Records of runs for tests."""

from __future__ import annotations

from typing import Any

from runyard.model.run import HostRecord, RunRecord, StepRecord
from runyard.model.status import Status
from tests.unit.cli.items import RUN


def host(name: str, status: str = "success", message: str = "", **output: Any) -> HostRecord:
    return HostRecord(name, Status(status), 10.0, 10.5, message, output)


def step(name: str, *hosts: HostRecord, status: str = "success") -> StepRecord:
    return StepRecord(name, Status(status), 10.0, 10.5, "", {h.host: h for h in hosts})


def run(*steps: StepRecord, status: str = "success", **more: Any) -> RunRecord:
    record = RunRecord(RUN, "deploy", "v0.1", Status(status), started_at=10.0, finished_at=12.5)
    record.steps = list(steps)
    for name, value in more.items():
        setattr(record, name, value)
    return record
