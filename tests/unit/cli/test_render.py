"""Tables, JSON, YAML."""

from __future__ import annotations

import json

import yaml

from runyard.cli.render import dump, fields, moment, table
from runyard.cli.style import Paint


def test_columns_are_aligned_by_cells() -> None:
    assert table(["A", "B"], [["完", "x"], ["long", "y"]]) == "A     B\n完    x\nlong  y"


def test_colours_do_not_move_columns() -> None:
    paint = Paint(True)
    text = table(["A", "B"], [["ok", "x"]], paint=lambda i, c: paint(c, "green") if not i else c)
    assert text == "A   B\n\x1b[32mok\x1b[0m  x"


def test_last_column_is_cut_to_the_screen() -> None:
    text = table(["A", "B"], [["x", "a long message indeed"]], columns=16)
    assert text.splitlines()[1] == "x  a long messa…"


def test_cells_stay_on_one_line() -> None:
    assert table(["A"], [["one\ntwo"]]) == "A\none two"


def test_json_and_yaml_say_the_same() -> None:
    data = {"name": "完成", "n": 1, "none": None, "path": [1, 2]}
    assert json.loads(dump(data, "json")) == data
    assert yaml.safe_load(dump(data, "yaml")) == data
    assert "完成" in dump(data, "json")
    assert "完成" in dump(data, "yaml")


def test_fields_leave_out_what_is_empty() -> None:
    assert fields({"run": "r1", "message": "", "status": "failed"}) == "run     r1\nstatus  failed"


def test_no_time_is_a_dash() -> None:
    assert moment(None) == "-"
    assert moment(0.0).startswith(("1970-01-01", "1969-12-31"))
