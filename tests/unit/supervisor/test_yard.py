"""The yard on its own, in a process that may be the reaper of others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# No SIGCHLD here: whoever dies after the main process is waited for by nobody but the last look.
LATE = """
import os, sys
from runyard.supervisor.loop import Loop
from runyard.supervisor.main import _become_reaper
from runyard.supervisor.yard import Yard

def unexpected(error):
    raise error

_become_reaper()
loop = Loop(unexpected)
yard = Yard(loop)
text = "trap '' TERM; (exec sleep 1000) & echo $!"
spec = {"attempt": "r/s/h/1", "argv": ["sh", "-c", text], "grace": 0.1, "cwd": sys.argv[1],
        "spool": sys.argv[1] + "/s.log", "exits": sys.argv[1] + "/exits.jsonl"}
attempt, _ = yard.start(spec, b"")
os.waitid(os.P_PID, attempt.pid, os.WEXITED | os.WNOWAIT)
told = []

def tell(record):
    try:
        told.append(os.waitpid(-1, os.WNOHANG))
    except ChildProcessError:
        told.append("nobody")

attempt.on_end.append(tell)
yard.reap()
loop.run(lambda: bool(told))
print(told)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_dead_are_buried_before_the_end_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE, tmp_path], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("['nobody']\n", "")
