from __future__ import annotations

from typing import Any

import pytest

from runyard.agent.order import BadRequest
from runyard.agent.query import Query


def test_parameters() -> None:
    query = Query({"Task_ID": "t", "WAIT": "1.5", "StdoutOffset": "7"})
    assert query.text("task_id") == "t"
    assert query.seconds("wait") == 1.5
    assert query.offsets() == {"stdout": 7, "stderr": 0}
    assert Query({"offset": 3, "stderr_offset": 4}).offsets() == {"stdout": 3, "stderr": 4}
    assert Query({}).offsets() is None
    assert Query({}).seconds("wait") == 0
    assert Query({"wait": 1e6}).seconds("wait") == 60
    assert Query({"grace": "0"}).at_once() and Query({"Grace": 0}).at_once()
    assert not Query({"grace": "5s"}).at_once() and not Query({}).at_once()


@pytest.mark.parametrize(
    "value", ["-1", "1.5", "x", "", "٣", True, -1, 1.5, None, [], "9" * 30, 1 << 70]
)
def test_offsets_that_are_none(value: Any) -> None:
    if value is None:
        assert Query({"offset": value}).offsets() is None
        return
    with pytest.raises(BadRequest, match="offset"):
        Query({"offset": value}).offsets()


@pytest.mark.parametrize("value", ["x", "-1", True, [], "1e400", {}])
def test_waits_that_are_none(value: Any) -> None:
    with pytest.raises(BadRequest, match="wait"):
        Query({"wait": value}).seconds("wait")


@pytest.mark.parametrize("value", ["", 7, None, ["t"]])
def test_texts_that_are_none(value: Any) -> None:
    with pytest.raises(BadRequest, match="task_id is missing"):
        Query({"task_id": value}).text("task_id")
