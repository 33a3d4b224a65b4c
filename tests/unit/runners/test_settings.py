"""Settings from a file and from the environment."""

from __future__ import annotations

from typing import Any

import pytest

from runyard.model.errors import UsageError
from runyard.model.limits import Limits
from runyard.runners.settings import RunnerSettings, limits_of

FILE = {
    "max_concurrency": 4,
    "default_timeout": "90s",
    "resource_limits": {"memory": "512MB", "open_files": 64},
}


def test_from_a_file() -> None:
    assert RunnerSettings.from_mapping(FILE) == RunnerSettings(
        4, 90.0, Limits(memory=512 << 20, open_files=64)
    )
    assert RunnerSettings.from_mapping({}) == RunnerSettings()


def test_the_environment_lies_over_the_file() -> None:
    environ = {
        "RUNYARD_MAX_CONCURRENCY": "2",
        "RUNYARD_DEFAULT_TIMEOUT": "0",
        "RUNYARD_LIMIT_MEMORY": "1k",
        "RUNYARD_LIMIT_CPU_TIME": "1m",
        "RUNYARD_STATE": "/x",
    }
    assert RunnerSettings.from_mapping(FILE).overlaid(environ) == RunnerSettings(
        2, None, Limits(memory=1024, open_files=64, cpu_time=60.0)
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"max_concurrency": True}, "max_concurrency"),
        ({"max_concurrency": "many"}, "max_concurrency"),
        ({"default_timeout": "soon"}, "default_timeout"),
        ({"resource_limits": []}, "limits must be a map"),
        ({"resource_limits": {"memory": "big"}}, r"limits\.memory"),
        ({"max_concurency": 1}, "unknown setting max_concurency"),
    ],
)
def test_bad_settings_are_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        RunnerSettings.from_mapping(given)


def test_bad_variables_are_named() -> None:
    with pytest.raises(UsageError, match="RUNYARD_LIMIT_OUTPUT"):
        RunnerSettings().overlaid({"RUNYARD_LIMIT_OUTPUT": "x"})


def test_limits() -> None:
    assert limits_of(
        {"memory": "1m", "processes": 3, "cpu_time": "2s", "open_files": 9, "output": "1k"}
    ) == Limits(1 << 20, 3, 2.0, 9, 1024)
    with pytest.raises(UsageError) as caught:
        limits_of({"memroy": 1})
    assert caught.value.hint == "did you mean memory?"
