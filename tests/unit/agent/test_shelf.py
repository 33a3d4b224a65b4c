from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.envelope import record
from runyard.agent.order import Order
from runyard.agent.shelf import Shelf, Unfinished, Unreadable
from runyard.model.result import Outcome
from runyard.model.status import Status


def order(task_id: str, **more: Any) -> Order:
    return Order(task_id, "run-00000001", "step", "cmd.run", "here", {"cmd": "true"}, **more)


def result_of(made: Order) -> dict[str, Any]:
    return record(made, Outcome(Status.SUCCESS), (1.0, 2.0))


def told(made: Order) -> dict[str, Any]:
    """The result as it is read again."""
    return dict(json.loads(json.dumps(result_of(made))))


def test_orders_and_results_outlive_us(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    begun, canceled, done = (
        order("begun"),
        order("canceled"),
        order("done", secrets={"A": "hunter22"}),
    )
    for each in (begun, canceled, done):
        shelf.intend(each, 7.5)
    shelf.note_cancel(canceled.folder)
    shelf.finish(done.folder, result_of(done))
    again = Shelf(tmp_path)
    found = list(again.load())
    assert again.size == shelf.size > 0
    assert found[0] == told(done)
    rest = {u.order.task_id: u for u in found[1:] if isinstance(u, Unfinished)}
    assert rest == {
        "begun": Unfinished(begun, False, 7.5),
        "canceled": Unfinished(canceled, True, 7.5),
    }
    assert shelf.result(done.folder) == told(done)
    assert shelf.result(begun.folder) is None
    shelf.remove(done.folder)
    shelf.remove(done.folder)
    assert shelf.result(done.folder) is None
    shelf.remove(begun.folder)
    shelf.remove(canceled.folder)
    assert shelf.size == 0


def test_secrets_go_with_the_order_and_only_we_can_read_it(tmp_path: Path) -> None:
    shelf, made = Shelf(tmp_path), order("t", secrets={"A": "hunter22"})
    shelf.intend(made, 0)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"hunter22" in path.read_bytes() for path in files)
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*"))
    shelf.finish(made.folder, result_of(made))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(b"hunter22" in path.read_bytes() for path in files)


def test_results_come_in_the_order_of_their_ends(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for at, name in enumerate(("c", "a", "b")):
        made = order(name)
        shelf.intend(made, 0)
        shelf.finish(made.folder, result_of(made))
        os.utime(tmp_path / made.folder / "result.json", (at, at))
    assert [each["task_id"] for each in shelf.load() if isinstance(each, dict)] == ["c", "a", "b"]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: {},
        lambda data: [],
        lambda data: {**data, "task_id": "other"},
        lambda data: {**data, "task_id": 7},
        lambda data: {**data, "args": []},
        lambda data: {**data, "grace": None},
        None,
    ],
)
def test_an_order_that_is_none_is_kept_as_it_is(tmp_path: Path, change: Any) -> None:
    shelf, made = Shelf(tmp_path), order("t")
    shelf.intend(made, 0)
    path = tmp_path / made.folder / "order.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))) if change else "{")
    (found,) = shelf.load()
    assert isinstance(found, Unreadable)
    assert found.name == made.folder and "order.json" in found.why
    assert path.exists()


def test_what_was_never_begun_is_removed_and_what_is_no_task_is_left(tmp_path: Path) -> None:
    (tmp_path / order("t").folder).mkdir()
    (tmp_path / "note").touch()
    assert list(Shelf(tmp_path).load()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_an_order_of_another_version_is_read(tmp_path: Path) -> None:
    shelf, made = Shelf(tmp_path), order("t", timeout=3.0)
    shelf.intend(made, 0)
    path = tmp_path / made.folder / "order.json"
    data = json.loads(path.read_text())
    del data["began_at"], data["resolved"]
    path.write_text(json.dumps({**data, "invented": "later"}))
    (found,) = shelf.load()
    assert found == Unfinished(made, False, path.stat().st_mtime)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: {},
        lambda data: [],
        lambda data: {**data, "task_id": "other"},
        lambda data: {**data, "run_key": None},
        lambda data: {**data, "status": "invented"},
        lambda data: {**data, "status": []},
        lambda data: {**data, "outcome": "x"},
        lambda data: {**data, "outcome": {"status": []}},
        lambda data: {**data, "outcome": {"status": "success", "env": []}},
        lambda data: {**data, "outcome": {"status": "success", "exit_code": "x"}},
        lambda data: {**data, "outcome": {"status": "failed", "error": "x"}},
        lambda data: {**data, "started_at": "x"},
        None,
    ],
)
def test_a_result_that_is_none_is_kept_as_it_is(tmp_path: Path, change: Any) -> None:
    shelf, made = Shelf(tmp_path), order("t")
    shelf.intend(made, 0)
    shelf.finish(made.folder, result_of(made))
    path = tmp_path / made.folder / "result.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))) if change else "{")
    assert list(shelf.load()) == [Unreadable(made.folder, "result.json is none of this version")]
    assert shelf.result(made.folder) is None
    assert path.exists()


def test_a_result_of_an_older_version_is_completed(tmp_path: Path) -> None:
    shelf, made = Shelf(tmp_path), order("t")
    shelf.intend(made, 0)
    shelf.finish(made.folder, {**result_of(made), "outcome": {}})
    assert shelf.result(made.folder) == told(made)


def test_an_order_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    made = order("t")
    (tmp_path / made.folder).mkdir()
    (tmp_path / made.folder / "order.json").mkdir()
    with pytest.raises(OSError, match=r"."):
        Shelf(tmp_path).intend(made, 0)
    assert list(Shelf(tmp_path).load()) == []
