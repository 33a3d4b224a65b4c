"""The text page of figures."""

from __future__ import annotations

import re

from runyard.model.errors import NetworkError
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.metrics import BUCKETS, Metrics
from runyard.runners.runner import Result, RunnerStatus

_LABEL = r'[a-z]+="(?:[^"\\\n]|\\.)*"'
_LINE = re.compile(rf"[a-z_]+\{{{_LABEL}(?:,{_LABEL})*\}} [0-9.e+-]+|# (HELP|TYPE) .+")


def page() -> str:
    metrics = Metrics()
    good = Outcome(status=Status.SUCCESS, cpu=0.25, peak_memory=4096, output_bytes=10)
    metrics.observe("command", Result(RunnerStatus.SUCCESS, duration=40), good)
    metrics.observe("command", Result(RunnerStatus.SUCCESS, duration=2000), good)
    metrics.observe("command", Result(RunnerStatus.TIMEOUT, duration=7_200_000))
    bad = Outcome.of_error(NetworkError("gone"))
    metrics.observe("http", Result(RunnerStatus.ERROR, duration=5), bad)
    metrics.observe('od"d\n', Result(RunnerStatus.FAILED))
    return metrics.render()


def test_every_line_is_of_the_format() -> None:
    for line in page().splitlines():
        assert _LINE.fullmatch(line), line
    assert page().endswith("\n")


def test_figures() -> None:
    lines = set(page().splitlines())
    for line in (
        'runyard_work_total{category="command",status="success"} 2',
        'runyard_work_errors_total{category="command",class="timeout"} 1',
        'runyard_work_errors_total{category="http",class="network"} 1',
        'runyard_work_success_ratio{category="command"} 0.6666666667',
        'runyard_work_duration_seconds_bucket{category="command",le="0.05"} 1',
        'runyard_work_duration_seconds_bucket{category="command",le="5"} 2',
        'runyard_work_duration_seconds_bucket{category="command",le="3600"} 2',
        'runyard_work_duration_seconds_bucket{category="command",le="+Inf"} 3',
        'runyard_work_duration_seconds_sum{category="command"} 7202.04',
        'runyard_work_duration_seconds_count{category="command"} 3',
        'runyard_work_cpu_seconds_total{category="command"} 0.5',
        'runyard_work_peak_memory_bytes{category="command"} 4096',
        'runyard_work_output_bytes_total{category="command"} 20',
        'runyard_work_total{category="od\\"d\\n",status="failed"} 1',
    ):
        assert line in lines, line


def test_buckets_never_fall() -> None:
    counts = [
        int(line.rpartition(" ")[2])
        for line in page().splitlines()
        if line.startswith('runyard_work_duration_seconds_bucket{category="command"')
    ]
    assert counts == sorted(counts) and len(counts) == len(BUCKETS) + 1
