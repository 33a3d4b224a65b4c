"""Units of work of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.cli.units import exit_code_of, read_units, unit_of
from runyard.model.errors import RunyardError, UsageError
from runyard.runners.runner import Result, RunnerStatus


def test_options_make_a_unit() -> None:
    unit = unit_of("command", "ls", '["-l"]', "2m", ["A=b=c"], '{"memory": "1MB"}')
    assert (unit.category, unit.command, unit.args, unit.timeout) == (
        "command",
        "ls",
        '["-l"]',
        120,
    )
    assert unit.env == {"A": "b=c"}
    assert unit.limits is not None
    assert unit.limits.memory == 1 << 20


@pytest.mark.parametrize(
    ("timeout", "env", "limits"), [("soon", [], None), (None, ["A"], None), (None, [], "{")]
)
def test_wrong_options(timeout: str | None, env: list[str], limits: str | None) -> None:
    with pytest.raises(RunyardError) as raised:
        unit_of("command", "ls", "", timeout, env, limits)
    assert raised.value.exit_code == 2


def test_one_unit_or_a_list(tmp_path: Path) -> None:
    path = tmp_path / "units.json"
    path.write_text('{"category": "command", "command": "ls"}')
    assert [u.command for u in read_units(str(path))] == ["ls"]
    path.write_text('[{"category": "command"}, {"category": "http"}]')
    assert [u.category for u in read_units(str(path))] == ["command", "http"]
    for text in ("[]", "x", '[{"categry": "http"}]', "1"):
        path.write_text(text)
        with pytest.raises(UsageError):
            read_units(str(path))


def test_exit_codes() -> None:
    def code(*words: str) -> int:
        return exit_code_of([Result(RunnerStatus(word)) for word in words])

    assert code("success", "success") == 0
    assert code("success", "failed") == 1
    assert code("failed", "canceled") == 3
