"""How much work runs at once, for how long, and with which resources (contract 3, "Resources")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from runyard.model.duration import parse_duration, parse_size
from runyard.model.errors import UsageError
from runyard.model.light import dataclass
from runyard.model.limits import Limits
from runyard.model.suggest import did_you_mean

_KEYS = ("max_concurrency", "default_timeout", "resource_limits")
_ENVIRONMENT = "RUNYARD_"


def _count(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError("expected a whole number above 0")
    number = int(value)
    if number < 1:
        raise ValueError("expected a whole number above 0")
    return number


_LIMITS: dict[str, Callable[[Any], float]] = {
    "memory": parse_size,
    "processes": _count,
    "cpu_time": parse_duration,
    "open_files": _count,
    "output": parse_size,
}


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """`default_timeout` in seconds, None for unbounded; limits hold for a whole process tree."""

    max_concurrency: int = 10
    default_timeout: float | None = None
    resource_limits: Limits = Limits()

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> RunnerSettings:
        """Settings from a configuration file. Raises UsageError naming the key that is wrong."""
        _known(given, _KEYS, "")
        made = cls()
        if given.get("max_concurrency") is not None:
            count = _read(_count, given["max_concurrency"], "max_concurrency")
            made = replace(made, max_concurrency=count)
        if given.get("default_timeout") is not None:
            seconds = _read(parse_duration, given["default_timeout"], "default_timeout")
            made = replace(made, default_timeout=seconds or None)
        if given.get("resource_limits") is not None:
            made = replace(made, resource_limits=limits_of(given["resource_limits"]))
        return made

    def overlaid(self, environ: Mapping[str, str]) -> RunnerSettings:
        """These settings under `RUNYARD_MAX_CONCURRENCY`, `RUNYARD_DEFAULT_TIMEOUT`,
        `RUNYARD_LIMIT_MEMORY`, `…_PROCESSES`, `…_CPU_TIME`, `…_OPEN_FILES`, `…_OUTPUT`.

        Raises:
            UsageError: naming the variable that is wrong.
        """
        made = self
        if text := environ.get(f"{_ENVIRONMENT}MAX_CONCURRENCY"):
            count = _read(_count, text, f"{_ENVIRONMENT}MAX_CONCURRENCY")
            made = replace(made, max_concurrency=count)
        if text := environ.get(f"{_ENVIRONMENT}DEFAULT_TIMEOUT"):
            seconds = _read(parse_duration, text, f"{_ENVIRONMENT}DEFAULT_TIMEOUT")
            made = replace(made, default_timeout=seconds or None)
        limits = {}
        for name, convert in _LIMITS.items():
            variable = f"{_ENVIRONMENT}LIMIT_{name.upper()}"
            if text := environ.get(variable):
                limits[name] = _read(convert, text, variable)
        return replace(made, resource_limits=replace(made.resource_limits, **limits))


def limits_of(given: Any) -> Limits:
    """Limits as written: `{memory: 512MB, cpu_time: 1m, …}`. Raises UsageError."""
    if not isinstance(given, Mapping):
        raise UsageError("limits must be a map of memory, processes, cpu_time, open_files, output")
    _known(given, tuple(f.name for f in fields(Limits)), "limits.")
    values: dict[str, Any] = {
        name: _read(_LIMITS[name], value, f"limits.{name}")
        for name, value in given.items()
        if value is not None
    }
    return Limits(**values)


def _known(given: Mapping[str, Any], keys: tuple[str, ...], prefix: str) -> None:
    for key in given:
        if key not in keys:
            raise UsageError(
                f"unknown setting {prefix}{key}; known: {', '.join(keys)}",
                hint=did_you_mean(str(key), keys, "{}"),
            )


def _read(convert: Callable[[Any], Any], value: Any, name: str) -> Any:
    try:
        return convert(value)
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{name}: {value!r}: {error}") from None
