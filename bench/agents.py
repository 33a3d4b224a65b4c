"""Push agents: results per second, a thousand listeners, an idle one, lines and bytes of output."""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.bench import Bench
from bench.figure import Figure
from bench.process import PYTHON, RUNYARD, resident

_TOKEN = "runner-token"
_STREAM = 200_000_000
_LINES = """\
import time
time.sleep(0.5)
for n in range({lines}):
    print("tick", time.time_ns(), flush=True)
    time.sleep(0.02)
"""


def run(bench: Bench) -> list[Figure]:
    """Figures with real agent processes on loopback; the steps run on the same cores."""
    return [*_idle(bench), *_fan(bench), *_listeners(bench), _line(bench), _stream(bench)]


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    for sock in held:
        sock.bind(("127.0.0.1", 0))
    ports = [sock.getsockname()[1] for sock in held]
    for sock in held:
        sock.close()
    return ports


@contextmanager
def _agent(bench: Bench, ports: Sequence[int]) -> Iterator[int]:
    """One agent process that listens at all `ports`; its pid."""
    state = bench.place / f"agent-{ports[0]}"
    addresses = [word for port in ports for word in ("--addr", f"127.0.0.1:{port}")]
    agent = subprocess.Popen(
        [RUNYARD, "agent", "--quiet", "--state", state, *addresses],
        env=bench.env(RUNYARD_AGENT_TOKEN=_TOKEN),
        stdin=subprocess.DEVNULL,
    )
    try:
        _await(ports[-1])
        yield agent.pid
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait()


def _await(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise RuntimeError("the agent does not listen") from None
            time.sleep(0.02)


def _workflow(bench: Bench, ports: Sequence[int], steps: int, cmd: str, **more: object) -> Path:
    hosts = {f"a{n}": {"address": f"http://127.0.0.1:{port}"} for n, port in enumerate(ports)}
    made = [
        {
            "name": f"step-{n}",
            "action": "cmd.run",
            "concurrency": len(ports),
            "args": {"cmd": cmd, **more},
        }
        for n in range(steps)
    ]
    document = {"version": "v0.1", "name": "agents", "inventory": {"hosts": hosts}, "steps": made}
    return bench.write(f"agents-{len(ports)}-{steps}.yaml", json.dumps(document))


def _env(bench: Bench) -> dict[str, str]:
    return bench.env(RUNYARD_AGENT_TOKEN=_TOKEN)


def _idle(bench: Bench) -> list[Figure]:
    ports = _free_ports(1)
    with _agent(bench, ports) as pid:
        bench.run(_workflow(bench, ports, 1, "true"), RUNYARD_AGENT_TOKEN=_TOKEN)
        time.sleep(1.0)
        ours, theirs = resident(pid), _supervisor(bench.place / f"agent-{ports[0]}")
    words = f"agent {ours / 1e6:.0f}, supervisor {theirs / 1e6:.0f}"
    total = (ours + theirs) / 1e6
    return [Figure("an idle agent with its supervisor, resident", total, "MB", 45, ratio=words)]


def _supervisor(state: Path) -> int:
    """Resident bytes of the supervisors of an agent."""
    word = str(state).encode()
    total = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"agent" in words and any(
                w.startswith(word) and w.endswith(b".sock") for w in words
            ):
                total += resident(int(name))
    return total


def _fan(bench: Bench) -> list[Figure]:
    """100 listeners of one agent process, 10 no-op steps on each."""
    count, steps = 100, bench.size(10)
    ports = _free_ports(count)
    with _agent(bench, ports):
        file = _workflow(bench, ports, steps, "true")

        def rate() -> float:
            return count * steps / _work_seconds(bench, file)

        value = bench.median(rate)
    words = "one agent process, 100 listeners; the steps run on the same cores"
    return [
        Figure(f"{count} agents × {steps} no-op steps", value, "results/s", 700, True, ratio=words)
    ]


def _work_seconds(bench: Bench, file: Path) -> float:
    """From the first event of a run to its last."""
    run_id = f"bench-{os.urandom(6).hex()}"
    bench.runyard("run", "--quiet", "--run-id", run_id, file, RUNYARD_AGENT_TOKEN=_TOKEN)
    shown = subprocess.run(
        [RUNYARD, "show", run_id, "-o", "json"],
        env=_env(bench),
        check=True,
        capture_output=True,
        text=True,
    )
    record = json.loads(shown.stdout)
    return float(record["finished_at"]) - float(record["started_at"])


def _listeners(bench: Bench) -> list[Figure]:
    count = bench.size(1000)
    ports = _free_ports(count)
    with _agent(bench, ports) as pid:
        took = bench.run(_workflow(bench, ports, 1, "true"), RUNYARD_AGENT_TOKEN=_TOKEN)
        agent = resident(pid) + _supervisor(bench.place / f"agent-{ports[0]}")
    total = (took.peak + agent) / 1e6
    words = f"dispatcher {took.peak / 1e6:.0f}, agent {agent / 1e6:.0f}; {took.seconds:.1f} s"
    return [
        Figure(
            f"{count:,} listeners × 1 step, resident at both ends", total, "MB", 300, ratio=words
        )
    ]


def _line(bench: Bench) -> Figure:
    """Milliseconds from a process on an agent to the dispatcher's terminal."""
    ports, lines = _free_ports(1), bench.size(500)
    script = _LINES.format(lines=lines)
    file = _workflow(bench, ports, 1, f"{PYTHON} -c '{script}'")
    delays = []
    with (
        _agent(bench, ports),
        subprocess.Popen(
            [RUNYARD, "run", "-o", "plain", file],
            env=_env(bench),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        ) as runner,
    ):
        assert runner.stdout is not None
        for line in runner.stdout:
            arrived = time.time_ns()
            if "| tick " in line:
                delays.append((arrived - int(line.rsplit("tick ", 1)[1])) / 1e6)
    if runner.returncode or len(delays) != lines:
        raise RuntimeError(f"{len(delays)} lines arrived of {lines}; exit {runner.returncode}")
    high = statistics.quantiles(delays, n=100)[98]
    words = f"median {statistics.median(delays):.1f} ms, worst {max(delays):.1f} ms"
    return Figure("a line from an agent reaches the terminal (p99)", high, "ms", 30, ratio=words)


def _stream(bench: Bench) -> Figure:
    """Megabytes per second of output from a process on an agent into the run's spool."""
    ports, size = _free_ports(1), bench.size(_STREAM)
    file = _workflow(bench, ports, 1, f"yes runyard | head -c {size}")
    with _agent(bench, ports):

        def speed() -> float:
            seconds = _work_seconds(bench, file)
            logs = bench.place / "state" / "runs"
            kept = sum(path.stat().st_size for path in logs.glob("*/output/*.log"))
            if kept < size:
                raise RuntimeError(f"{kept} bytes arrived of {size}")
            return size / 1e6 / seconds

        value = bench.median(speed)
    return Figure(
        f"{size // 1_000_000} MB of output from an agent, complete", value, "MB/s", 100, True
    )
