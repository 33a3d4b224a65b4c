"""Runs programs and reads the clock and the memory of what they start."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PYTHON = Path(sys.executable)
RUNYARD = PYTHON.with_name("runyard")


@dataclass(frozen=True, slots=True)
class Took:
    """A finished program: wall `seconds`, and the `peak` resident bytes of ours while it ran."""

    seconds: float
    peak: int
    stdout: str


def call(argv: Sequence[str | Path], env: dict[str, str], *, watched: str = "") -> Took:
    """Run to the end; raises RuntimeError with the output when it fails.

    With `watched`, a run id, sums 20 times a second the resident memory of the processes that have
    it as an argument: the program and its supervisor. The work that a step starts is not ours.
    """
    watch = _Memory(watched) if watched else None
    start = time.perf_counter()
    child = subprocess.Popen(
        argv,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if watch is not None:
        watch.start()
    output, _ = child.communicate()
    seconds = time.perf_counter() - start
    peak = watch.stop() if watch is not None else 0
    if child.returncode:
        raise RuntimeError(
            f"{' '.join(map(str, argv))} ended with {child.returncode}:\n{output[-2000:]}"
        )
    return Took(seconds, peak, output)


class _Memory(threading.Thread):
    """Samples the processes of one run."""

    def __init__(self, run_id: str) -> None:
        super().__init__(daemon=True)
        self._word = run_id.encode()
        self._done = threading.Event()
        self._peak = 0

    def run(self) -> None:
        while not self._done.wait(0.05):
            pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
            total = sum(resident(pid) for pid in pids if self._word in _words(pid))
            self._peak = max(self._peak, total)

    def stop(self) -> int:
        self._done.set()
        self.join()
        return self._peak


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def resident(pid: int) -> int:
    """Resident bytes of a process; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
