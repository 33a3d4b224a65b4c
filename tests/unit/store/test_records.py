"""Rows as readers see them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runyard.store.records import step_records


@pytest.mark.parametrize(
    ("result", "survivors"),
    [
        ({"status": "canceled", "attempt": 1, "ended_by": "cancel"}, 0),
        ({"status": "timeout", "attempt": 2, "survivors": 3}, 3),
        ({"status": "skipped", "attempt": 0}, None),
        ({"status": "error", "attempt": 1, "error": {"code": "HOST_LOST"}}, None),
        ({"status": "error", "attempt": 1, "error": {"code": "START"}}, 0),
    ],
)
def test_that_nothing_survived_is_said_where_it_is_known(
    result: dict[str, Any], survivors: int | None
) -> None:
    row = ("s", "h", 1, result["status"], 1.0, 2.0, "", 1, json.dumps({"result": result}))
    (record,) = step_records([("s", "running", 1.0, None, "", '["h"]')], [row])
    assert record.hosts["h"].output.get("survivors") == survivors


def test_the_time_of_work_is_without_what_was_between_attempts() -> None:
    result = json.dumps({"result": {"status": "success", "attempt": 2}})
    rows = [
        ("s", "h", 1, "failed", 10.0, 11.5, "", 0, json.dumps({"result": {"status": "failed"}})),
        ("s", "h", 2, "success", 3600.0, 3602.0, "", 1, result),
    ]
    (record,) = step_records([("s", "success", 10.0, 3602.0, "", '["h"]')], rows)
    host = record.hosts["h"]
    assert (host.started_at, host.finished_at, host.worked) == (10.0, 3602.0, 3.5)
