"""How long a line takes from a step to a `logs -f` reader in another process."""

from __future__ import annotations

import statistics
import subprocess
import time

from bench.bench import Bench
from bench.figure import Figure
from bench.process import PYTHON, RUNYARD

_RUN = "bench-latency"


def _workflow(lines: int) -> str:
    return f"""\
version: v0.1
name: latency
steps:
  - name: tick
    action: script.run
    args:
      interpreter: {PYTHON}
      script: |
        import time
        time.sleep(1)
        for n in range({lines}):
            print("tick", time.time_ns(), flush=True)
            time.sleep(0.02)
"""


def run(bench: Bench) -> list[Figure]:
    """Milliseconds, median and 99th percentile over all lines."""
    file = bench.write("latency.yaml", _workflow(bench.size(1000)))
    env = bench.env()
    runner = subprocess.Popen(
        [RUNYARD, "run", "--quiet", "--run-id", _RUN, file],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    time.sleep(0.6)
    reader = subprocess.Popen(
        [RUNYARD, "logs", "-f", _RUN],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert reader.stdout is not None
    delays = []
    for line in reader.stdout:
        arrived = time.time_ns()
        if "tick " in line:
            delays.append((arrived - int(line.rsplit("tick ", 1)[1])) / 1e6)
    reader.wait()
    if runner.wait():
        raise RuntimeError("the run that prints the lines failed")
    if len(delays) != bench.size(1000):
        raise RuntimeError(f"{len(delays)} lines arrived of {bench.size(1000)}")
    high = statistics.quantiles(delays, n=100)[98]
    words = f"median {statistics.median(delays):.1f} ms, worst {max(delays):.1f} ms"
    return [
        Figure("a line reaches `logs -f` in another process (p99)", high, "ms", 25, ratio=words)
    ]
