"""The seed's interface: life cycle, documents of parameters, stop and kill."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from runyard.model.action import Work
from runyard.model.errors import ArgumentError, ConflictError, UsageError
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.action_runner import ActionRunner
from runyard.runners.runner import Result, Runner, RunnerContext, RunnerStatus
from runyard.runners.runner_registry import RunnerRegistry
from tests.unit.runners.fake import FakeConnector
from tests.unit.runners.server import serving

PYTHON = sys.executable


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(main)


def make(category: str, command: str, args: Any, way: FakeConnector | None = None) -> Runner:
    runner = RunnerRegistry().create(category, RunnerContext(way or FakeConnector()))
    runner.parse_args(command, args if isinstance(args, str) else json.dumps(args))
    return runner


def execute(category: str, command: str, args: Any) -> Result:
    async def go() -> Result:
        runner = make(category, command, args)
        try:
            return await runner.execute()
        finally:
            await runner.cleanup()

    result: Result = run(go())
    return result


def test_a_command_from_pending_to_its_result() -> None:
    async def go() -> None:
        runner = RunnerRegistry().create("command", RunnerContext(FakeConnector()))
        assert (runner.status, runner.result) == (RunnerStatus.PENDING, None)
        runner.parse_args("/bin/echo", '["a b", "$HOME"]')
        result = await runner.execute()
        assert runner.result is result
        assert runner.status is result.status is RunnerStatus.SUCCESS
        assert (result.output, result.error, result.exit_code) == ("a b $HOME\n", "", 0)
        assert result.end_time >= result.start_time > 1e9
        with pytest.raises(ConflictError, match="executes once"):
            await runner.execute()
        runner.stop()
        runner.kill()
        await runner.cleanup()
        await runner.cleanup()
        assert runner.status is RunnerStatus.SUCCESS

    run(go())


def test_the_json_of_a_result() -> None:
    given = Result(RunnerStatus.FAILED, "o", "e", 0.0, 1.5, 1500, 3).to_dict()
    assert json.loads(json.dumps(given)) == {
        "status": "failed",
        "output": "o",
        "error": "e",
        "start_time": "1970-01-01T00:00:00.000+00:00",
        "end_time": "1970-01-01T00:00:01.500+00:00",
        "duration": 1500,
        "exit_code": 3,
    }


def test_failure_error_and_signal() -> None:
    failed = execute("command", "sh", ["-c", "echo out; echo err >&2; exit 3"])
    assert (failed.status, failed.exit_code) == (RunnerStatus.FAILED, 3)
    assert (failed.output, failed.error) == ("out\n", "err\n")
    silent = execute("command", "false", "")
    assert (silent.status, silent.error) == (RunnerStatus.FAILED, "exit code 1")
    absent = execute("command", "no-such-program", "")
    assert (absent.status, absent.exit_code) == (RunnerStatus.ERROR, -1)
    killed = execute("command", "sh", ["-c", "kill -9 $$"])
    assert (killed.status, killed.exit_code) == (RunnerStatus.FAILED, 137)


@pytest.mark.parametrize(
    ("category", "args"),
    [
        ("command", "not json"),
        ("command", '"text"'),
        ("command", '[["nested"]]'),
        ("command", "[null]"),
        ("command", '{"command": "x"}'),
        ("script", "[]"),
        ("script", '{"script_path": "/x", "args": "not json"}'),
        ("script", '{"script_path": "/x", "args": "{}"}'),
        ("script", '{"script_path": "/x", "script": "y"}'),
        ("script", '{"script_path": "/x", "colour": "red"}'),
        ("http", "[]"),
        ("http", '{"method": 5}'),
        ("command", "[" * 100_000),
    ],
)
def test_bad_arguments_are_argument_errors(category: str, args: str) -> None:
    runner = RunnerRegistry().create(category, RunnerContext(FakeConnector()))
    with pytest.raises(ArgumentError):
        runner.parse_args("ls" if category == "command" else "", args)
    with pytest.raises(ArgumentError, match="parse_args comes before"):
        run(runner.execute())


def test_a_command_needs_a_name() -> None:
    with pytest.raises(ArgumentError, match="command"):
        make("command", "", "[]")


def test_the_documents_of_the_design() -> None:
    whole = {"command": "/bin/echo", "args": '["-n", "x"]'}
    assert execute("command", "", whole).output == "x"
    script = {"script": "echo $1-$2", "interpreter": "bash", "args": '["arg1", "arg2"]'}
    assert execute("script", "", script).output == "arg1-arg2\n"
    with serving() as server:
        hook = {
            "url": f"{server.url}/webhook",
            "method": "POST",
            "headers": {"Content-Type": "application/json"},
            "body": '{"message": "hello"}',
        }
        result = execute("http", "", hook)
        assert (result.status, result.output, result.exit_code) == (
            RunnerStatus.SUCCESS,
            "hello",
            0,
        )
        assert server.seen[0][3] == b'{"message": "hello"}'
        assert execute("http", f"{server.url}/404", "").exit_code == 1


def test_a_script_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "script.sh"
    file.write_text("echo $0 $1\n")
    document = {"script_path": str(file), "interpreter": "bash", "args": ["arg1"]}
    assert execute("script", "", document).output == f"{file} arg1\n"
    assert (
        execute("script", str(file), {"interpreter": "sh", "args": ["b"]}).output == f"{file} b\n"
    )


SLEEP = ["-c", "import time; print('up', flush=True); time.sleep(60)"]
DEAF = ["-c", "import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"]


@pytest.mark.parametrize("times", [1, 3])
def test_stop(times: int) -> None:
    async def go() -> None:
        way = FakeConnector()
        runner = make("command", PYTHON, SLEEP, way)
        task = asyncio.ensure_future(runner.execute())
        await way.running.wait()
        assert runner.status is RunnerStatus.RUNNING
        for _ in range(times):
            runner.stop()
        result = await task
        assert (result.status, result.exit_code) == (RunnerStatus.CANCELED, 143)

    run(go())


def test_kill_ends_what_ignores_stop() -> None:
    async def go() -> None:
        way = FakeConnector()
        runner = make("command", PYTHON, [*DEAF[:1], "print('x');" + DEAF[1]], way)
        task = asyncio.ensure_future(runner.execute())
        await way.running.wait()
        await asyncio.sleep(0.2)
        runner.stop()
        runner.kill()
        result = await task
        assert (result.status, result.exit_code) == (RunnerStatus.CANCELED, 137)

    run(go())


def test_stop_before_execute_runs_nothing(tmp_path: Path) -> None:
    async def go() -> None:
        runner = make("command", "touch", [str(tmp_path / "x")])
        runner.stop()
        result = await runner.execute()
        assert result.status is RunnerStatus.CANCELED
        assert not (tmp_path / "x").exists()

    run(go())


def test_canceling_the_caller_ends_the_work_first() -> None:
    async def go() -> None:
        way = FakeConnector()
        runner = make("command", PYTHON, SLEEP, way)
        task = asyncio.ensure_future(runner.execute())
        await way.running.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert runner.result is not None
        assert runner.status is RunnerStatus.CANCELED

    run(go())


def test_cleanup_ends_what_runs() -> None:
    async def go() -> None:
        way = FakeConnector()
        runner = make("command", PYTHON, SLEEP, way)
        task = asyncio.ensure_future(runner.execute())
        await way.running.wait()
        await runner.cleanup()
        assert (await task).status is RunnerStatus.CANCELED

    run(go())


def test_timeouts() -> None:
    async def go() -> None:
        runner = make("command", PYTHON, SLEEP)
        runner.set_timeout(0.1)
        result = await runner.execute()
        assert result.status is RunnerStatus.TIMEOUT
        with pytest.raises(ConflictError):
            runner.set_timeout(1)
        for bad in (-1.0, float("nan")):
            with pytest.raises(ArgumentError):
                make("command", "ls", "").set_timeout(bad)

    run(go())


class Rogue:
    """An action that heeds no timeout, or is broken."""

    name = "rogue"
    summary = "broken"
    params = ()
    idempotent = True
    supervised = False

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def run(self, work: Work) -> Outcome:
        if self.error is not None:
            raise self.error
        await asyncio.sleep(3600)
        return Outcome(status=Status.SUCCESS)


def rogue(error: Exception | None, timeout: float = 0) -> Result:
    async def go() -> Result:
        context = RunnerContext(FakeConnector(), grace=-0.99)
        runner = ActionRunner(Rogue(error), lambda command, args: {}, context)
        runner.parse_args("", "")
        runner.set_timeout(timeout)
        return await runner.execute()

    result: Result = run(go())
    return result


def test_an_action_that_heeds_no_timeout_is_ended() -> None:
    assert rogue(None, 0.01).status is RunnerStatus.TIMEOUT


def test_exceptions_are_results() -> None:
    assert rogue(UsageError("so not")).error == "so not"
    broken = rogue(ZeroDivisionError("oops"))
    assert broken.status is RunnerStatus.ERROR
    assert "ZeroDivisionError: oops at" in broken.error


def test_executions_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "runyard.runners")
    execute("command", "false", "")
    words = [record.getMessage() for record in caplog.records]
    assert words[0] == "start command.run"
    assert words[1].startswith("end command.run: failed in ") and "peak memory" in words[1]
    assert "EXECUTION" in words[2]


def test_registry() -> None:
    registry = RunnerRegistry()
    assert registry.categories() == ["command", "docker", "http", "script"]
    with pytest.raises(UsageError) as caught:
        registry.create("comand", RunnerContext(FakeConnector()))
    assert caught.value.message == 'unknown category "comand"; known: command, docker, http, script'
    assert caught.value.hint == "did you mean command?"

    def factory(context: RunnerContext) -> Runner:
        return ActionRunner(Rogue(None), lambda command, args: {}, context)

    registry.register("mine", factory)
    assert "mine" in registry.categories()
    assert registry.create("mine", RunnerContext(FakeConnector())).status is RunnerStatus.PENDING
    assert "mine" not in RunnerRegistry().categories()
    with pytest.raises(UsageError):
        registry.register(" ", factory)
