from __future__ import annotations

import re

from runyard.agent.metrics import BUCKETS, NAMES, Metrics

PRESENT = {"running": 2, "kept": 3, "doors": 1, "spool_bytes": 1e10}


def test_a_page_is_prometheus_text() -> None:
    metrics = Metrics()
    metrics.ended("run", "success", 0.04)
    metrics.ended("run", "failed", 7000)
    metrics.ended("door", "success", 2)
    metrics.refused(401)
    metrics.refused(401)
    metrics.bytes_in = 5
    page = metrics.page(PRESENT)
    for line in page.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \S+', line)
    lines = page.splitlines()
    assert 'runyard_agent_tasks_total{way="run",status="success"} 1' in lines
    assert 'runyard_agent_task_seconds_bucket{way="run",le="0.05"} 1' in lines
    assert 'runyard_agent_task_seconds_bucket{way="run",le="3600"} 1' in lines
    assert 'runyard_agent_task_seconds_bucket{way="run",le="+Inf"} 2' in lines
    assert 'runyard_agent_task_seconds_count{way="run"} 2' in lines
    assert 'runyard_agent_refused_total{status="401"} 2' in lines
    assert "runyard_agent_spool_bytes 1e+10" in lines
    assert 'runyard_agent_door_bytes_total{direction="in"} 5' in lines
    assert set(re.findall(r"# TYPE (\w+)", page)) == set(NAMES)
    assert list(BUCKETS) == sorted(BUCKETS)
