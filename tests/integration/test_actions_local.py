"""Actions and runners through the real connector of this machine: supervised processes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from runyard.hosts.local import LocalConnector
from runyard.model.action import Work
from runyard.model.limits import Limits
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.batch import WorkUnit, run_batch
from runyard.runners.metrics import Metrics
from runyard.runners.params import resolve_args
from runyard.runners.registry import ActionRegistry
from runyard.runners.runner import Result, RunnerContext, RunnerStatus
from runyard.runners.runner_registry import RunnerRegistry
from runyard.runners.settings import RunnerSettings

T = TypeVar("T")
Act = Callable[..., Awaitable[Outcome]]


def on_this_machine(home: Path, main: Callable[[LocalConnector], Awaitable[T]]) -> T:
    """Run `main` with a connector whose supervisor ends when it has left."""

    async def go() -> T:
        connector = LocalConnector(home, f"test-{os.getpid()}-{home.name}")
        await connector.connect()
        try:
            return await main(connector)
        finally:
            await connector.close()

    return asyncio.run(go())


def act(home: Path, name: str, args: dict[str, Any], **more: Any) -> Outcome:
    async def go(connector: LocalConnector) -> Outcome:
        action = ActionRegistry().require(name)
        work = Work(
            attempt="run-00000001/step/local/1",
            host="local",
            connector=connector,
            args=resolve_args(action.params, args),
            **more,
        )
        return await action.run(work)

    return on_this_machine(home, go)


def state_of(pid: int) -> str:
    """Name and state of a process, or "" when there is none, or nothing but its exit code."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().partition(" ")[2][:40]
    except OSError:
        return ""
    return "" if ") Z " in words else words


def test_cmd_with_exports_secrets_and_usage(tmp_path: Path) -> None:
    outcome = act(
        tmp_path,
        "cmd.run",
        {
            "cmd": 'echo "BOPS_EXPORT:A=1"; echo "token $TOKEN"; echo "$SCOPE" >&2; exit 3',
            "export_vars": "yes",
            "env": {"SCOPE": "own"},
        },
        env={"TOKEN": "hunter2-hunter2", "SCOPE": "run"},
        secrets={"TOKEN": "hunter2-hunter2"},
    )
    assert (outcome.status, outcome.exit_code, outcome.message) == (
        Status.FAILED,
        3,
        "exit code 3",
    )
    assert outcome.exports == {"A": "1"}
    assert "hunter2" not in outcome.stdout and "token " in outcome.stdout
    assert outcome.stderr == "own\n"
    assert outcome.logged and outcome.survivors == 0


@pytest.mark.parametrize("shell", ["/bin/sh", "bash -u"])
def test_shell_script_does_not_eat_itself(tmp_path: Path, shell: str) -> None:
    args = {"script": "cat\necho one\nread x || echo empty\necho two", "shell": shell}
    assert act(tmp_path, "shell.run", args).stdout == "one\nempty\ntwo\n"


def test_script_file_is_gone_after_a_timeout(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    outcome = act(
        tmp_path,
        "script.run",
        {
            "script": "import time; print('up', flush=True); time.sleep(60)",
            "interpreter": sys.executable,
            "env": {"TMPDIR": str(scripts)},
        },
        timeout=1.0,
        grace=5.0,
    )
    assert (outcome.status, outcome.message) == (Status.TIMEOUT, "timed out after 1s")
    assert outcome.stdout == "up\n" and outcome.survivors == 0
    assert list(scripts.iterdir()) == []


def test_python_script_with_arguments(tmp_path: Path) -> None:
    args = {"script": "import sys; print(sys.argv[1:])", "args": ["a b", "$x"]}
    assert act(tmp_path, "script.python", args).stdout == "['a b', '$x']\n"


def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    outcome = act(tmp_path, "cmd.run", {"cmd": ["no-such-program-here"]})
    assert outcome.status is Status.ERROR and not outcome.changed
    assert outcome.error is not None and outcome.error["code"] == "NOT_STARTED"


def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    outcome = act(tmp_path, "cmd.run", {"cmd": "true", "dir": str(tmp_path / "gone")})
    assert outcome.status is Status.ERROR
    assert outcome.error is not None and outcome.error["retryable"] is False


def test_a_limit_of_output(tmp_path: Path) -> None:
    outcome = act(tmp_path, "cmd.run", {"cmd": "yes"}, limits=Limits(output=1 << 20), timeout=60.0)
    assert outcome.status is Status.FAILED
    assert outcome.error is not None and outcome.error["code"] == "LIMIT"
    assert outcome.message == "wrote more than limits.output allows"


def test_the_same_attempt_is_attached_to_not_started_again(tmp_path: Path) -> None:
    async def go(connector: LocalConnector) -> tuple[Outcome, Outcome]:
        action = ActionRegistry().require("cmd.run")
        args = resolve_args(action.params, {"cmd": f"echo x >>{tmp_path}/count; sleep 0.3; echo y"})
        work = Work("run-00000001/step/local/1", "local", connector, args)
        first, second = await asyncio.gather(action.run(work), action.run(work))
        return first, second

    first, second = on_this_machine(tmp_path, go)
    assert first.stdout == second.stdout == "y\n"
    assert (tmp_path / "count").read_text() == "x\n"


def test_files_there_and_back(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x00\xff" * 1000)
    copy = {"src": "a", "dest": str(tmp_path / "b"), "mode": "0640"}
    assert act(tmp_path, "file.copy", copy, base=tmp_path).changed
    assert not act(tmp_path, "file.copy", copy, base=tmp_path).changed
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o640
    fetch = {"src": str(tmp_path / "b"), "dest": "got/"}
    assert act(tmp_path, "file.fetch", fetch, base=tmp_path).changed
    assert not act(tmp_path, "file.fetch", fetch, base=tmp_path).changed
    assert (tmp_path / "got" / "local" / "b").read_bytes() == b"\x00\xff" * 1000


def test_template(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("{% for n in N %}{{ n }},{% endfor %}")
    args = {"src": "t.j2", "dest": str(tmp_path / "out"), "mode": "0600"}
    more: dict[str, Any] = {"base": tmp_path, "variables": {"N": [1, 2]}}
    assert act(tmp_path, "template.render", args, **more).changed
    assert not act(tmp_path, "template.render", args, **more).changed
    assert (tmp_path / "out").read_text() == "1,2,"


def test_waiting_for_a_file(tmp_path: Path) -> None:
    args = {"file": str(tmp_path / "ready"), "timeout": "60s", "interval": "20ms"}

    async def go(connector: LocalConnector) -> Outcome:
        action = ActionRegistry().require("wait.until")
        work = Work("run-00000001/w/local/1", "local", connector, resolve_args(action.params, args))
        task = asyncio.ensure_future(action.run(work))
        await asyncio.sleep(0.1)
        assert not task.done()
        (tmp_path / "ready").touch()
        return await task

    assert on_this_machine(tmp_path, go).status is Status.SUCCESS


DEAF = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "300"], start_new_session=True)
with open(sys.argv[1] + ".part", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".part", sys.argv[1])
time.sleep(300)
"""


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_runner_ends_its_whole_tree(tmp_path: Path, how: str) -> None:
    pids = tmp_path / "pids"

    async def go(connector: LocalConnector) -> Result:
        grace = 300.0 if how == "kill" else 0.2
        runner = RunnerRegistry().create("script", RunnerContext(connector, grace=grace))
        document = {"script": DEAF, "interpreter": sys.executable, "args": [str(pids)]}
        runner.parse_args("", json.dumps(document))
        task = asyncio.ensure_future(runner.execute())
        while not pids.exists():
            await asyncio.sleep(0.02)
        assert runner.status is RunnerStatus.RUNNING
        getattr(runner, how)()
        result = await task
        await runner.cleanup()
        return result

    result = on_this_machine(tmp_path, go)
    assert result.status is RunnerStatus.CANCELED
    assert [state_of(int(pid)) for pid in pids.read_text().split()] == ["", ""]


def test_a_batch_of_many_kinds(tmp_path: Path) -> None:
    metrics = Metrics()

    async def go(connector: LocalConnector) -> list[Result]:
        units = []
        for n in range(12):
            units += [
                WorkUnit("command", "echo", json.dumps([str(n)])),
                WorkUnit("script", "", json.dumps({"script": f"echo s{n}; exit {n % 2}"})),
            ]
        units.append(WorkUnit("command", "sleep", '["60"]', timeout=0.2))
        units.append(WorkUnit("command", "no-such-program"))
        context = RunnerContext(connector, grace=1.0)
        return await run_batch(units, RunnerRegistry(), context, RunnerSettings(6), metrics)

    results = on_this_machine(tmp_path, go)
    assert [r.output for r in results[0:24:2]] == [f"{n}\n" for n in range(12)]
    assert [r.status.value for r in results[1:24:2]] == ["success", "failed"] * 6
    assert [r.status.value for r in results[24:]] == ["timeout", "error"]
    page = metrics.render()
    assert 'runyard_work_total{category="command",status="success"} 12\n' in page
    assert 'runyard_work_errors_total{category="command",class="timeout"} 1\n' in page
