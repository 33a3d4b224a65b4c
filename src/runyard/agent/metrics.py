"""Figures of an agent, as text for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from runyard import __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0)

_HEADS = {
    "info": ("gauge", "The agent."),
    "tasks_total": ("counter", "Tasks and attempts that ended."),
    "task_seconds": ("histogram", "How long they took."),
    "running": ("gauge", "Tasks and attempts that run."),
    "kept": ("gauge", "Tasks that ended and are still known."),
    "doors": ("gauge", "Open doors."),
    "door_bytes_total": ("counter", "Bytes carried through doors."),
    "spool_bytes": ("gauge", "Output and results on disk."),
    "refused_total": ("counter", "Requests refused, by HTTP status."),
}
PREFIX = "runyard_agent_"
NAMES = tuple(PREFIX + name for name in _HEADS)
"""Every metric there is."""


class Metrics:
    """Counts what happens; the present state is given when a page is made."""

    def __init__(self) -> None:
        self._ended: Counter[tuple[str, str]] = Counter()
        self._refused: Counter[int] = Counter()
        self._seconds: dict[str, list[float]] = {}
        self.bytes_in = 0
        self.bytes_out = 0

    def ended(self, way: str, status: str, seconds: float) -> None:
        """A task (`way` is run) or an attempt (door) has ended after `seconds`."""
        self._ended[way, status] += 1
        took = self._seconds.setdefault(way, [0.0] * (len(BUCKETS) + 2))
        for place, bound in enumerate(BUCKETS):
            took[place] += seconds <= bound
        took[-2] += 1
        took[-1] += seconds

    def refused(self, status: int) -> None:
        """A request was refused."""
        self._refused[status] += 1

    def page(self, present: Mapping[str, float]) -> str:
        """The page. `present` has `running kept doors spool_bytes`."""
        page = _Page()
        page.head("info")
        page.line("info", 1, version=__version__)
        page.head("tasks_total")
        for (way, status), count in sorted(self._ended.items()):
            page.line("tasks_total", count, way=way, status=status)
        page.head("task_seconds")
        for way, took in sorted(self._seconds.items()):
            for bound, below in zip(BUCKETS, took, strict=False):
                page.line("task_seconds_bucket", below, way=way, le=f"{bound:g}")
            page.line("task_seconds_bucket", took[-2], way=way, le="+Inf")
            page.line("task_seconds_sum", took[-1], way=way)
            page.line("task_seconds_count", took[-2], way=way)
        for name in ("running", "kept", "doors", "spool_bytes"):
            page.head(name)
            page.line(name, present[name])
        page.head("door_bytes_total")
        page.line("door_bytes_total", self.bytes_in, direction="in")
        page.line("door_bytes_total", self.bytes_out, direction="out")
        page.head("refused_total")
        for status_code, count in sorted(self._refused.items()):
            page.line("refused_total", count, status=str(status_code))
        return page.text()


class _Page:
    def __init__(self) -> None:
        self._lines: list[str] = []

    def head(self, name: str) -> None:
        kind, words = _HEADS[name]
        self._lines += [f"# HELP {PREFIX}{name} {words}", f"# TYPE {PREFIX}{name} {kind}"]

    def line(self, name: str, value: float, **labels: str) -> None:
        words = ",".join(f'{key}="{text}"' for key, text in labels.items())
        inside = f"{{{words}}}" if words else ""
        self._lines.append(f"{PREFIX}{name}{inside} {value:.10g}")

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"
