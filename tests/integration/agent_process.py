"""A real agent process for tests, and a plain HTTP client for it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from runyard.supervisor.launch import socket_path

PROGRAM = Path(sys.executable).with_name("runyard")
TOKEN = "runner-token"
PATIENCE = 30.0


class Agent:
    """`runyard agent` on a free port of 127.0.0.1, with a state directory that outlives it."""

    def __init__(self, state: Path, *options: str, addr: str = "127.0.0.1:0") -> None:
        self.state = state
        self.options = options
        self.port = 0
        self.addr = addr
        self.process: subprocess.Popen[str] | None = None
        self.said: list[str] = []

    def start(self, **env: str) -> Agent:
        """Start it, on its former port when it had one, and wait until it listens."""
        addr = f"127.0.0.1:{self.port}" if self.port else self.addr
        words = [str(PROGRAM), "agent", "--addr", addr, "--state", str(self.state), *self.options]
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            found = re.search(r"runyard agent \S+ at https?://\S+?:(\d+)", line)
            if found:
                self.port = int(found[1])
                return self
        raise AssertionError(f"the agent ended: {''.join(self.said)}")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self._wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self._wait()

    def _wait(self) -> int:
        assert self.process is not None
        with self.process as process:
            code = process.wait(PATIENCE)
            if process.stderr is not None:
                self.said += process.stderr.readlines()
        self.process = None
        return code

    def supervisor(self) -> int:
        """Pid of its supervisor; 0 when there is none."""
        path = os.fsencode(socket_path(str(self.state), "agent"))
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError):
                    words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
                    if path in words:
                        return int(name)
        return 0

    # -- requests

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        headers: Mapping[str, str] | None = None,
        seconds: float = PATIENCE,
        **query: Any,
    ) -> tuple[int, Any]:
        """Status and JSON (or text) of an answer."""
        sent = {"X-Runner-Token": token} if token is not None else {}
        sent.update(headers or {})
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            target = f"{path}?{urlencode(query)}" if query else path
            connection.request(method, target, data, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
            kind = answer.getheader("content-type", "")
            return answer.status, json.loads(text) if kind == "application/json" else text
        finally:
            connection.close()

    def run(self, task_id: str, cmd: str, action: str = "cmd.run", **more: Any) -> dict[str, Any]:
        """Order a shell line; the answer's JSON, which is of status 200."""
        args = more.pop("args", {"cmd": cmd})
        step = {"name": "s", "action": action, "args": args, **more}
        task = {"ID": task_id, "RunID": f"run-{os.getpid()}", "Step": step}
        status, answer = self.ask("POST", "/run", {"task": task})
        assert status == 200, answer
        return dict(answer)

    def status(self, task_id: str, **query: Any) -> dict[str, Any]:
        """The envelope of a task."""
        status, answer = self.ask("GET", "/status", task_id=task_id, **query)
        assert status == 200, answer
        return dict(answer)

    def outcome(self, task_id: str) -> dict[str, Any]:
        """The result of a task, once it has ended."""
        deadline = time.monotonic() + PATIENCE
        while True:
            result = self.status(task_id, wait=10)["result"]
            if result["status"] != "running":
                return dict(result)
            assert time.monotonic() < deadline, f"{task_id} never ended"


@contextlib.contextmanager
def agent(state: Path, *options: str, **more: Any) -> Iterator[Agent]:
    """A running agent; afterwards it and all that it has started are gone."""
    made = Agent(state, *options, **more)
    try:
        yield made.start()
    finally:
        end(made)


def end(made: Agent) -> None:
    """End the agent and its supervisor, and so what it has started."""
    if made.process is not None:
        made.stop()
    pid = made.supervisor()
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)
        until(lambda: not alive(pid), "the supervisor has gone")


def alive(pid: int) -> bool:
    """True when `pid` is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rfind(")") + 2] not in "ZX"


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    assert found
    return int(found[1]) * 1024
