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


# A door that asks for attempt after attempt, as that of a run of many steps does.
MANY = """
import gc, os, socket, sys
from runyard.supervisor.attempt import Attempt
from runyard.supervisor.door import Door
from runyard.supervisor.frames import Decoder, encode
from runyard.supervisor.loop import Loop
from runyard.supervisor.verbs import Verbs
from runyard.supervisor.yard import Yard

def unexpected(error):
    raise error

loop = Loop(unexpected)
yard = Yard(loop, sys.argv[1])
verbs = Verbs(yard, "r")
ours, theirs = socket.socketpair()
ours.setblocking(False)
door = Door(loop, theirs, verbs.serve, lambda door: None)
ours.send(encode({"id": 0, "verb": "hello", "version": 1, "epoch": 1}))
decoder, ended = Decoder(), []

def hear(_events):
    headers = [header for header, _ in decoder.feed(ours.recv(1 << 20))]
    ended.extend(header["exit"] for header in headers if "exit" in header)

def tick():
    yard.reap()
    loop.after(0.002, tick)

loop.watch(ours.fileno(), 1, hear)
tick()
for n in range(1, 21):
    spec = {"verb": "start", "attempt": "r/s/h/%d" % n, "argv": ["sh", "-c", "echo hello"],
            "wait": True, "output": {}}
    ours.send(encode({"id": n, **spec}))
    loop.run(lambda: len(ended) >= n)
gc.collect()
kept = [each for each in gc.get_objects() if isinstance(each, Attempt)]
print(len(ended), door.on_leave, door._pumps, kept)
"""


def test_a_door_remembers_nothing_of_what_is_over(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MANY, tmp_path], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("20 {} [] []\n", "")
