"""An agent that behaves as the original one does: contract 2's JSON and nothing more.

python -m tests.integration.original_agent PORT [TOKEN]     prints its port

`cmd.run` and `shell.run` alone; `/run` answers after four seconds at the latest, and then the task
goes on; output is told whole each time; no door, no offsets, no long poll. It forgets all when it
ends. A process that is told to end gets SIGKILL with its group.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SYNC = 4.0
ACTIONS = ["cmd.run", "shell.run"]
_EXPORT = re.compile(r"^BOPS_EXPORT:(\w+)=(.*)$", re.MULTILINE)


class Task:
    """One process, and what it has said so far."""

    def __init__(self, task: dict[str, Any], clock: float) -> None:
        step = task["Step"]
        args = step.get("args") or {}
        self.id, self.run_id = task["ID"], task["RunID"]
        self.canceled = False
        self.streams = {"stdout": bytearray(), "stderr": bytearray()}
        self.exports = bool(args.get("export_vars"))
        self.started_at = time.time() + clock
        variables = {**(task.get("Host", {}).get("Vars") or {}), **(task.get("Vars") or {})}
        text = args["cmd"] if step["action"] == "cmd.run" else args["script"]
        self.process = subprocess.Popen(
            ["sh", "-c", text],
            env={
                **os.environ,
                **{k: str(v) for k, v in variables.items()},
                **(args.get("env") or {}),
            },
            cwd=args.get("dir"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.ended = threading.Event()
        self.readers = [
            threading.Thread(target=self._read, args=(name,), daemon=True) for name in self.streams
        ]
        for reader in self.readers:
            reader.start()
        threading.Thread(target=self._wait, daemon=True).start()

    def _read(self, name: str) -> None:
        pipe = getattr(self.process, name)
        while data := os.read(pipe.fileno(), 65536):
            self.streams[name] += data
        pipe.close()

    def _wait(self) -> None:
        self.process.wait()
        for reader in self.readers:
            reader.join()
        self.ended.set()

    def cancel(self) -> bool:
        if self.ended.is_set():
            return False
        self.canceled = True
        os.killpg(self.process.pid, signal.SIGKILL)
        return True

    def envelope(self) -> dict[str, Any]:
        code = self.process.returncode
        output = {name: data.decode(errors="replace") for name, data in self.streams.items()}
        status, error = "running", ""
        if self.ended.is_set():
            output["exit_code"] = code
            status = "canceled" if self.canceled else "failed" if code else "success"
            if code and not self.canceled:
                error = (
                    f"signal: {signal.strsignal(-code)}".lower()
                    if code < 0
                    else f"exit status {code}"
                )
            if self.exports:
                output["vars"] = dict(_EXPORT.findall(output["stdout"]))
        result = {"task_id": self.id, "status": status, "output": output, "error": error}
        return {"result": result, "run_id": self.run_id, "error": ""}


class OriginalAgent(ThreadingHTTPServer):
    """`asked` lists `METHOD path` of every request. `clock` seconds are added to its times."""

    daemon_threads = True

    def __init__(self, port: int = 0, token: str = "runner-token", clock: float = 0.0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.token = token
        self.clock = clock
        self.asked: list[str] = []
        self.tasks: dict[str, Task] = {}
        self.lock = threading.Lock()
        self.last_beat: str | None = None
        self.connections: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> OriginalAgent:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for task in list(self.tasks.values()):
            task.cancel()

    def now(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.clock))

    def forget(self) -> None:
        """As if it had been restarted."""
        self.tasks.clear()


class _Handler(BaseHTTPRequestHandler):
    server: OriginalAgent
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        url = urlsplit(self.path)
        self.server.asked.append(f"{self.command} {url.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        shown = self.headers.get("X-Runner-Token") or (
            self.headers.get("Authorization") or ""
        ).removeprefix("Bearer ")
        if url.path != "/health" and shown != self.server.token:
            return self._answer(401, {"error": "unauthorized"})
        try:
            given = json.loads(body) if body else {}
        except ValueError:
            return self._answer(400, {"error": "bad json"})
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        act = {
            "/run": self._run,
            "/status": self._status,
            "/cancel": self._cancel,
            "/heartbeat": self._heartbeat,
            "/health": self._health,
        }.get(url.path)
        if act is None:
            return self._answer(404, {"error": "not found"})
        return self._answer(*act(given, query))

    def _run(self, given: dict[str, Any], _query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        task = given.get("task")
        if not isinstance(task, dict):
            return 400, {"error": "bad json"}
        if task["Step"]["action"] not in ACTIONS:
            return 400, {"error": f"unsupported action {task['Step']['action']}"}
        with self.server.lock:
            known = self.server.tasks.get(task["ID"])
            if known is None:
                known = self.server.tasks[task["ID"]] = Task(task, self.server.clock)
        known.ended.wait(SYNC)
        return 200, known.envelope()

    def _status(self, given: dict[str, Any], query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        name = query.get("task_id") or given.get("task_id")
        if not name:
            return 400, {"error": "task_id is required"}
        known = self.server.tasks.get(name)
        return (200, known.envelope()) if known else (404, {"error": "task not found"})

    def _cancel(self, given: dict[str, Any], query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        name = query.get("task_id") or given.get("task_id")
        known = self.server.tasks.get(str(name))
        if known is None or not known.cancel():
            return 404, {"error": "task not found or already done"}
        return 200, {"result": {"task_id": name, "status": "canceled"}, "run_id": known.run_id}

    def _heartbeat(self, *_: object) -> tuple[int, dict[str, Any]]:
        self.server.last_beat = self.server.now()
        times = {"last_beat": self.server.last_beat, "timestamp": self.server.now()}
        return 200, {"status": "ok", **times, "capability": ACTIONS}

    def _health(self, *_: object) -> tuple[int, dict[str, Any]]:
        times = {"last_beat": self.server.last_beat, "timestamp": self.server.now()}
        return 200, {"status": "ok", **times}

    def _answer(self, status: int, data: dict[str, Any]) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


if __name__ == "__main__":
    agent = OriginalAgent(int(sys.argv[1]), *sys.argv[2:])
    print(agent.server_address[1], flush=True)
    agent.serve_forever()
