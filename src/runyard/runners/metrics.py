"""Figures about work done, in the Prometheus text format, without a library for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import field

from runyard.model.light import dataclass
from runyard.model.result import Outcome
from runyard.runners.runner import Result, RunnerStatus

BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_CLASSES = {
    RunnerStatus.FAILED: "execution",
    RunnerStatus.TIMEOUT: "timeout",
    RunnerStatus.CANCELED: "canceled",
    RunnerStatus.ERROR: "system",
}


@dataclass(slots=True)
class _Series:
    statuses: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    count: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    peak_memory: int = 0
    output_bytes: int = 0


class Metrics:
    """Durations, success rate, error rate by class, resource use; by category of work."""

    def __init__(self) -> None:
        self._series: dict[str, _Series] = {}

    def observe(
        self,
        category: str,
        result: Result,
        outcome: Outcome | None = None,
        *,
        error_class: str = "",
    ) -> None:
        """Count one execution. `outcome` adds its error's class and its use of resources."""
        series = self._series.setdefault(category, _Series())
        seconds = result.duration / 1000
        series.statuses[result.status.value] += 1
        series.count += 1
        series.seconds += seconds
        for index, bound in enumerate(BUCKETS):
            series.buckets[index] += seconds <= bound
        if result.status in _CLASSES:
            told = (outcome.error or {}).get("class", "") if outcome is not None else ""
            series.errors[error_class or told or _CLASSES[result.status]] += 1
        if outcome is not None:
            series.cpu += outcome.cpu
            series.peak_memory = max(series.peak_memory, outcome.peak_memory)
            series.output_bytes += outcome.output_bytes

    def render(self) -> str:
        """All figures as text; serve it with CONTENT_TYPE."""
        page = _Page()
        series = sorted(self._series.items())
        page.head("runyard_work_total", "counter", "Executions by status.")
        for category, one in series:
            for status, count in sorted(one.statuses.items()):
                page.line("runyard_work_total", count, category=category, status=status)
        page.head("runyard_work_errors_total", "counter", "Executions not successful, by class.")
        for category, one in series:
            for klass, count in sorted(one.errors.items()):
                page.line("runyard_work_errors_total", count, category=category, **{"class": klass})
        page.head("runyard_work_success_ratio", "gauge", "Share of successes since the start.")
        for category, one in series:
            ratio = one.statuses["success"] / one.count
            page.line("runyard_work_success_ratio", ratio, category=category)
        page.head("runyard_work_duration_seconds", "histogram", "How long executions took.")
        for category, one in series:
            for bound, count in zip(BUCKETS, one.buckets, strict=True):
                page.line(
                    "runyard_work_duration_seconds_bucket",
                    count,
                    category=category,
                    le=f"{bound:g}",
                )
            page.line(
                "runyard_work_duration_seconds_bucket", one.count, category=category, le="+Inf"
            )
            page.line("runyard_work_duration_seconds_sum", one.seconds, category=category)
            page.line("runyard_work_duration_seconds_count", one.count, category=category)
        for name, kind, words, attribute in (
            ("runyard_work_cpu_seconds_total", "counter", "CPU used by process trees.", "cpu"),
            ("runyard_work_peak_memory_bytes", "gauge", "Largest process tree.", "peak_memory"),
            ("runyard_work_output_bytes_total", "counter", "Bytes written.", "output_bytes"),
        ):
            page.head(name, kind, words)
            for category, one in series:
                page.line(name, getattr(one, attribute), category=category)
        return page.text()


class _Page:
    def __init__(self) -> None:
        self._lines: list[str] = []

    def head(self, name: str, kind: str, words: str) -> None:
        self._lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]

    def line(self, name: str, value: float, **labels: str) -> None:
        inside = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        self._lines.append(f"{name}{{{inside}}} {value:.10g}")

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
