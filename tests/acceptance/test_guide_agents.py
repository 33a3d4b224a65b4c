"""The guide's §2 as written, three agents and one dispatch, and its §9–§13 with curl."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.agents import Agent, Agents, is_free
from tests.conftest import Run

PORTS = (7072, 7073, 7074)
TOKEN = ("--token", "runner-token")
RUN = f"guide-{os.urandom(6).hex()}"
ARTIFACTS = Path("/tmp/runner-artifacts")  # the guide says so
WORKFLOW = Path(__file__).parent / "guide" / "three-agents.yaml"
SHOWN = ("-H", "Authorization: Bearer runner-token")


def curl(*words: str) -> tuple[int, Any]:
    """HTTP status, and the answer's JSON."""
    done = subprocess.run(
        ["curl", "-sS", "--max-time", "30", "-w", "\n%{http_code}", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    text, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(text)


def url(path: str, port: int = PORTS[0]) -> str:
    return f"http://127.0.0.1:{port}{path}"


def task(name: str, script: str) -> str:
    """What the original's dispatcher posts to `/run`."""
    step = {"name": "long", "action": "shell.run", "args": {"script": script}}
    host = {"Name": "host1", "Address": url(""), "Vars": None, "Groups": ["all"]}
    return json.dumps(
        {"task": {"ID": name, "RunID": "run-20260212-001", "Step": step, "Host": host}}
    )


@pytest.fixture
def three(agents: Agents) -> Iterator[list[Agent]]:
    """§2.1, word by word."""
    taken = [port for port in PORTS if not is_free(port)]
    assert not taken, f"the guide's ports are taken on this machine: {taken}"
    yield [agents(*TOKEN, addr=f":{port}") for port in PORTS]
    for kept in ARTIFACTS.glob(f"{RUN}.*"):
        kept.unlink()


def test_the_guide(three: list[Agent], program: Run) -> None:
    """§2.2, and §9–§13 while the agents are there."""
    assert [agent.port for agent in three] == list(PORTS)
    with ThreadPoolExecutor() as pool:  # both take six seconds
        dispatched = pool.submit(program, "run", *TOKEN, "--run-id", RUN, WORKFLOW)
        long_task()
    dispatch(dispatched.result())
    cancel()
    heartbeat(program)
    run_status()


def dispatch(done: subprocess.CompletedProcess[str]) -> None:
    """§2.2: what the one dispatch shows of all three, and §10: where the output is on the hosts."""
    shown = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""  # the guide's own token is nothing to warn of
    assert "host1 | BOPS_EXPORT:BACKUP_OK=true" in shown
    assert "missing BACKUP_OK" not in done.stdout
    for host in ("host1", "host2", "host3"):
        ticks = [line for line in shown if line.startswith(f"{host} | tick")]
        assert [line.split(" on ")[0] for line in ticks] == [
            f"{host} | tick {n}" for n in range(1, 7)
        ]
        assert any(line.startswith(f"{host} = success") for line in shown)
        (kept,) = ARTIFACTS.glob(f"{RUN}.*.{host}.1.stdout")
        assert kept.read_text() == "".join(f"{line.split(' | ')[1]}\n" for line in ticks)


def long_task() -> None:
    """§9: after 4 s it goes on by itself, and its output grows where one looks."""
    slow = task("task-1", 'for i in 1 2 3 4 5 6; do echo "tick $i"; sleep 1; done')
    status, answer = curl(*SHOWN, "-d", slow, url("/run"))
    result = answer["result"]
    assert (status, answer["run_id"], answer["error"]) == (200, "run-20260212-001", "")
    assert (result["task_id"], result["status"]) == ("task-1", "running")
    assert result["output"]["stdout"].startswith("tick 1\ntick 2\ntick 3\n")
    assert "tick 6" not in result["output"]["stdout"]
    seen = [result["output"]["stdout"]]
    while result["status"] == "running":
        status, answer = curl(*SHOWN, url("/status?task_id=task-1&wait=1"))
        result = answer["result"]
        assert status == 200
        seen.append(result["output"]["stdout"])
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
    assert (result["status"], result["output"]["exit_code"]) == ("success", 0)
    assert seen[-1] == "".join(f"tick {n}\n" for n in range(1, 7))
    status, answer = curl(*SHOWN, "-d", '{"task_id": "task-1"}', url("/status"))
    assert (status, answer["result"]["output"]["stdout"]) == (200, seen[-1])


def cancel() -> None:
    """§11."""
    waiting = task("task-xxx", "echo up; sleep 3600")
    posted = subprocess.Popen(
        ["curl", "-sS", *SHOWN, "-d", waiting, url("/run")], stdout=subprocess.PIPE, text=True
    )
    while curl(*SHOWN, url("/status?task_id=task-xxx"))[0] == 404:
        time.sleep(0.02)
    status, answer = curl(*SHOWN, "-X", "POST", url("/cancel?task_id=task-xxx"))
    assert (status, answer["result"]["status"]) == (200, "canceled")
    told = json.loads(posted.communicate(timeout=30)[0])["result"]
    assert (told["status"], told["output"]["ended_by"]) == ("canceled", "cancel")
    assert told["runyard"]["outcome"]["survivors"] == 0
    status, answer = curl(*SHOWN, "-X", "POST", url("/cancel?task_id=task-xxx"))
    assert (status, answer["error"]) == (404, "task not found or already done")
    status, answer = curl(*SHOWN, url("/status?task_id=task-nobody"))
    assert (status, answer["error"]) == (404, "task not found")


def heartbeat(program: Run) -> None:
    """§12: 401 is another token, and the dispatcher says so."""
    status, answer = curl("-X", "POST", *SHOWN, url("/heartbeat", PORTS[2]))
    assert (status, answer["status"]) == (200, "ok")
    assert {"cmd.run", "shell.run"} <= set(answer["capability"])
    wrong = ("-H", "X-Runner-Token: other-token")
    assert curl("-X", "POST", *wrong, url("/heartbeat"))[0] == 401
    assert curl("-X", "POST", url("/heartbeat"))[0] == 401
    assert curl(url("/health"))[0] == 200
    done = program("run", "--token", "other-token", WORKFLOW)
    said = "token mismatch on host1: the agent and this run must use the same token"
    assert done.returncode == 1
    assert said in done.stdout
    assert "`ps` shows --token" in done.stderr


def run_status() -> None:
    """§13.4: by run, and 404 for one that nobody knows."""
    status, answer = curl(*SHOWN, url("/run-status?run_id=run-20260212-001"))
    assert (status, answer["status"]) == (200, "canceled")
    status, answer = curl(*SHOWN, url("/run-status?run_id=run-20260212-999"))
    assert (status, answer["error"]) == (404, "run not found")
    assert curl(*SHOWN, url("/run-status"))[0] == 400
