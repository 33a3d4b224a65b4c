"""What runs leave at hosts over SSH when nobody could end it: a later cancel or resume does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import PROGRAM, Run
from tests.integration.relays import root_of
from tests.integration.sshd import Sshd
from tests.integration.users import User, may_become, new_user, parent_of, words_of

ME = os.getpid()
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path, sshd: Sshd) -> Iterator[Start]:
    """Starts a program beside the test; it is ended with it."""
    processes: list[subprocess.Popen[str]] = []

    def start(*words: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            words,
            cwd=tmp_path,
            env={**os.environ, "RUNYARD_STATE": str(tmp_path / "state")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with process:
            process.kill()


@pytest.fixture(autouse=True)
def tidy(sshd: Sshd) -> Iterator[None]:
    """A host keeps the files of such runs for weeks, for a resume."""
    yield
    for folder in (root_of(sshd.user.home) / "runs").glob(f"*-{ME}"):
        shutil.rmtree(folder)


def sleepers(user: User, mark: str) -> list[int]:
    return [pid for pid in user.processes() if words_of(pid)[:2] == ["sleep", mark]]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def workflow(folder: Path, sshd: Sshd, step: str) -> Path:
    path = folder / "w.yaml"
    path.write_text(
        "version: v0.1\nname: w\ninventory:\n  hosts:\n"
        f'    far: {{address: "{sshd.address}", identity: {sshd.key}}}\n'
        f"steps:\n  - {{name: s, action: cmd.run, {step}}}\n"
    )
    return path


def test_a_host_that_could_not_be_told_is_named_and_a_later_cancel_ends_it(
    tmp_path: Path, sshd: Sshd, program: Run, start: Start
) -> None:
    run, mark = f"lost-cancel-{ME}", f"3601.{ME}"
    file = workflow(tmp_path, sshd, f"args: {{cmd: 'sleep {mark}'}}")
    process = start(PROGRAM, "run", file, "--run-id", run)
    until(lambda: sleepers(sshd.user, mark))
    sshd.stop()
    done = program("cancel", run, "--kill")
    assert done.returncode == 1, done.stdout
    assert "\nnot reached: far, what ran there may go on" in done.stdout
    said, _ = process.communicate(timeout=30)
    assert "1 attempt may still run; resume attaches to it again, cancel ends it" in said

    still = program("cancel", run)  # it is not there yet
    assert still.returncode == 1 and "not reached: far" in still.stdout

    sshd.start()
    assert sleepers(sshd.user, mark)
    done = program("cancel", run)
    assert (done.returncode, done.stdout) == (
        0,
        f"canceled: {run}, ended now: 1, survivors: 0\n",
    )
    assert not sleepers(sshd.user, mark)
    assert "may still run" not in program("show", run).stdout
    again = program("cancel", run)
    assert again.returncode != 0 and "has ended" in again.stderr


PIPELINE = """
import asyncio
from runyard.engine.action_step import ActionStep
from runyard.engine.module import Module
from runyard.engine.pipeline import Pipeline
from runyard.engine.policy import Call, Policy
from runyard.engine.task import Task
from runyard.hosts.inventory import Host, Inventory
from runyard.runners.registry import ActionRegistry
from runyard.service.engine import Engine

run = ActionRegistry().get("cmd.run")
step = ActionStep("s", Call(run, {{"cmd": "sleep {mark}"}}), policy=Policy(become="{user}"))
work = Pipeline("p", (Module("m", (Task("t", (step,)),)),))
hosts = Inventory.of([Host("far", "{address}", options={{"identity": "{key}"}})])
asyncio.run(Engine().apply_with_run(work, "{run}", inventory=hosts))
"""


def test_a_cancel_finds_what_a_pipeline_in_python_started_as_another_user(
    tmp_path: Path, sshd: Sshd, program: Run, start: Start
) -> None:
    run, mark = f"lost-become-{ME}", f"3602.{ME}"
    if os.geteuid() != 0:
        pytest.skip("only root can make users")
    with new_user("y") as other, may_become(sshd.user, other.name):
        file = tmp_path / "p.py"
        words = {"mark": mark, "user": other.name, "address": sshd.address}
        file.write_text(PIPELINE.format(**words, key=sshd.key, run=run))
        process = start(sys.executable, file)
        until(lambda: sleepers(other, mark) or process.poll() is not None)
        assert sleepers(other, mark), process.communicate()[0]
        process.kill()
        process.wait()
        done = program("cancel", run)
        assert done.returncode == 0 and "ended now: 1, survivors: 0" in done.stdout
        assert not sleepers(other, mark)


def test_a_check_that_a_dead_dispatcher_left_is_ended_by_a_cancel(
    tmp_path: Path, sshd: Sshd, program: Run, start: Start
) -> None:
    run, mark = f"left-check-{ME}", f"3603.{ME}"
    file = workflow(tmp_path, sshd, f'check: "sleep {mark}", args: {{cmd: "true"}}')
    process = start(PROGRAM, "run", file, "--run-id", run)
    until(lambda: sleepers(sshd.user, mark))
    process.kill()
    process.wait()
    done = program("cancel", run)
    assert done.returncode == 0 and "ended now: 1, survivors: 0" in done.stdout
    assert not sleepers(sshd.user, mark)
    assert "ended now: 0" in program("cancel", run).stdout


def test_a_resume_ends_the_check_of_an_earlier_life_before_it_checks_anew(
    tmp_path: Path, sshd: Sshd, start: Start
) -> None:
    run, mark = f"two-checks-{ME}", f"3604.{ME}"
    file = workflow(tmp_path, sshd, f'check: "sleep {mark}", args: {{cmd: "true"}}')
    process = start(PROGRAM, "run", file, "--run-id", run)
    until(lambda: sleepers(sshd.user, mark))
    (first,) = sleepers(sshd.user, mark)
    process.kill()
    process.wait()
    process = start(PROGRAM, "resume", run)
    until(lambda: set(sleepers(sshd.user, mark)) - {first})
    assert first not in sleepers(sshd.user, mark)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 3
    assert not sleepers(sshd.user, mark)


def test_what_a_host_has_forgotten_is_not_taken_for_ended(
    tmp_path: Path, sshd: Sshd, program: Run, start: Start
) -> None:
    """We have output of it, so that it was at work there; nobody there knows of it any more."""
    run, mark = f"forgotten-{ME}", f"3605.{ME}"
    file = workflow(tmp_path, sshd, f"args: {{cmd: 'echo up; exec sleep {mark}'}}")
    process = start(PROGRAM, "run", file, "--run-id", run)
    assert process.stdout is not None
    next(line for line in process.stdout if "| up" in line)
    process.kill()
    process.wait()
    (work,) = sleepers(sshd.user, mark)
    os.kill(parent_of(work), signal.SIGKILL)
    os.kill(work, signal.SIGKILL)
    forget(sshd.user)
    done = program("cancel", run)
    assert done.returncode == 1
    assert 'not reached: far, what ran there may go on: far knows nothing any more of "s"' in (
        done.stdout
    )
    assert json.loads(program("show", run, "-o", "json").stdout)["status"] == "interrupted"


def forget(user: User) -> None:
    """Remove what supervisors wrote down in the home of the user, as a new disk does."""
    for path in root_of(user.home).rglob("starts.jsonl"):
        path.unlink()
