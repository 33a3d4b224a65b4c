from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.order import Order
from runyard.agent.shelf import Shelf, Unfinished


def order(task_id: str, **more: Any) -> Order:
    return Order(task_id, "run-00000001", "step", "cmd.run", "here", {"cmd": "true"}, **more)


def test_orders_and_results_outlive_us(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    begun, canceled, done = (
        order("begun"),
        order("canceled"),
        order("done", secrets={"A": "hunter22"}),
    )
    for each in (begun, canceled, done):
        shelf.intend(each)
    shelf.note_cancel(canceled.folder)
    shelf.finish(done.folder, {"task_id": "done"})
    found = list(Shelf(tmp_path).load())
    assert found[0] == {"task_id": "done"}
    rest = {u.order.task_id: u for u in found[1:] if isinstance(u, Unfinished)}
    assert rest == {"begun": Unfinished(begun, False), "canceled": Unfinished(canceled, True)}
    assert shelf.result(done.folder) == {"task_id": "done"}
    assert shelf.result(begun.folder) is None
    shelf.remove(done.folder)
    shelf.remove(done.folder)
    assert shelf.result(done.folder) is None


def test_secrets_go_with_the_order_and_only_we_can_read_it(tmp_path: Path) -> None:
    shelf, made = Shelf(tmp_path), order("t", secrets={"A": "hunter22"})
    shelf.intend(made)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"hunter22" in path.read_bytes() for path in files)
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*"))
    shelf.finish(made.folder, {})
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(b"hunter22" in path.read_bytes() for path in files)


def test_results_come_in_the_order_of_their_ends(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for at, name in enumerate(("c", "a", "b")):
        made = order(name)
        shelf.intend(made)
        shelf.finish(made.folder, {"task_id": name})
        os.utime(tmp_path / made.folder / "result.json", (at, at))
    assert [each["task_id"] for each in shelf.load() if isinstance(each, dict)] == ["c", "a", "b"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}', '{"task_id": "other"}'])
def test_what_is_torn_is_nothing(tmp_path: Path, text: str) -> None:
    shelf, made = Shelf(tmp_path), order("t")
    shelf.intend(made)
    (tmp_path / made.folder / "order.json").write_text(text)
    assert list(shelf.load()) == []
    assert list(tmp_path.iterdir()) == []


def test_an_order_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    made = order("t")
    (tmp_path / made.folder).mkdir()
    (tmp_path / made.folder / "order.json").mkdir()
    with pytest.raises(OSError, match=r"."):
        Shelf(tmp_path).intend(made)
    assert list(Shelf(tmp_path).load()) == []
