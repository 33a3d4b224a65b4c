"""Process trees that do not want to end: nothing of them survives, and nobody else is hurt."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from runyard.model.execution import Exec
from runyard.model.limits import Limits
from tests.integration.yards import (
    OWNER,
    alive,
    attempt,
    execute,
    local,
    outcome,
    pid_in,
    shell,
    until,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# A grandchild in a session of its own without our environment; $1 is where its pid goes.
DAEMON = """
import os, sys, time
if os.fork(): os._exit(0)
os.setsid()
middle = os.getpid()
if os.fork(): os._exit(0)
while os.getppid() == middle: time.sleep(0.001)
os.execve("/bin/sh", ["sh", "-c", "echo $$ >" + sys.argv[1] + "; exec sleep 1000"], {})
"""


def daemon(pid_file: Path) -> str:
    """Shell text that leaves a daemon and waits until it is there."""
    return (
        f"{sys.executable} -I -S -c '{DAEMON}' {pid_file}; "
        f"while ! [ -s {pid_file} ]; do sleep 0.01; done"
    )


def test_a_daemon_in_its_own_session_is_swept(tmp_path: Path) -> None:
    (end,) = execute(tmp_path, shell(daemon(tmp_path / "pid")))
    assert (end.ended_by, end.exit_code, end.swept, end.survivors) == ("exit", 0, 1, 0)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_fifty_at_once_each_with_a_daemon(tmp_path: Path) -> None:
    """Every count is exact, and a fifty-first that runs on is not hurt."""

    async def run() -> None:
        async with local(tmp_path) as host:
            other = asyncio.create_task(
                host.exec(shell(f"{daemon(tmp_path / 'other')}; sleep 1000", "other"))
            )
            bystander = await pid_in(tmp_path / "other")
            ends = await asyncio.gather(
                *(host.exec(shell(daemon(tmp_path / f"p{i}"), "many", i)) for i in range(50))
            )
            assert [(e.ended_by, e.swept, e.survivors) for e in ends] == [("exit", 1, 0)] * 50
            assert not any(alive(int((tmp_path / f"p{i}").read_text())) for i in range(50))
            assert alive(bystander)
            other.cancel()
            end = await outcome(other)
            assert (end.ended_by, end.survivors) == ("cancel", 0)
            assert not alive(bystander)

    asyncio.run(run())


def test_who_ignores_term_is_killed_after_the_grace(tmp_path: Path) -> None:
    async def run() -> None:
        async with local(tmp_path) as host:
            work = shell(
                f"trap '' TERM; echo $$ >{tmp_path}/pid; while :; do sleep 0.1; done", grace=0.3
            )
            task = asyncio.create_task(host.exec(work))
            pid = await pid_in(tmp_path / "pid")
            task.cancel()
            end = await outcome(task)
            assert (end.ended_by, end.signal, end.survivors) == ("cancel", 9, 0)
            assert not alive(pid)

    asyncio.run(run())


def test_a_second_cancellation_ends_the_grace(tmp_path: Path) -> None:
    async def run() -> None:
        async with local(tmp_path) as host:
            work = shell(
                f"trap 'echo asked' TERM; echo $$ >{tmp_path}/pid; while :; do sleep 0.05; done",
                grace=1000.0,
            )
            task = asyncio.create_task(host.exec(work))
            await pid_in(tmp_path / "pid")
            task.cancel()
            out = tmp_path / "runs/run-00000001/output/s%2Fhere%2F1.log"
            await until(lambda: out.exists() and b"asked" in out.read_bytes(), "TERM arrived")
            task.cancel()
            end = await outcome(task)
            assert (end.ended_by, end.signal) == ("cancel", 9)
            assert "asked" in end.stdout

    asyncio.run(run())


def test_an_orderly_end_within_the_grace_is_reported(tmp_path: Path) -> None:
    async def run() -> None:
        async with local(tmp_path) as host:
            work = shell(
                f"trap 'echo bye; exit 7' TERM; echo $$ >{tmp_path}/pid; "
                "while :; do sleep 0.05; done"
            )
            task = asyncio.create_task(host.exec(work))
            await pid_in(tmp_path / "pid")
            task.cancel()
            end = await outcome(task)
            assert (end.ended_by, end.exit_code, end.signal) == ("cancel", 7, None)
            assert end.stdout == "bye\n"

    asyncio.run(run())


@pytest.mark.parametrize("inner", [False, True], ids=["the main process", "its child"])
def test_who_cleans_up_may_run_programs(tmp_path: Path, inner: bool) -> None:
    """What a trap starts is not told to end, nor what that starts; only when its time is over."""
    text = (
        "trap \"(sleep 0.3; echo cleaned); sh -c 'sleep 0.2; echo twice'; exit 7\" TERM; "
        f"echo $$ >{tmp_path}/pid; while :; do sleep 0.05; done"
    )
    if inner:  # whose parent does not wait for it
        (tmp_path / "inner").write_text(text)
        text = f"sh {tmp_path}/inner & wait"

    async def run() -> None:
        async with local(tmp_path) as host:
            task = asyncio.create_task(host.exec(shell(text)))
            await pid_in(tmp_path / "pid")
            task.cancel()
            end = await outcome(task)
            assert (end.ended_by, end.survivors, end.stdout) == ("cancel", 0, "cleaned\ntwice\n")
            assert (end.exit_code, end.signal) == ((None, 15) if inner else (7, None))

    asyncio.run(run())


def test_what_a_cleanup_leaves_is_told_to_end(tmp_path: Path) -> None:
    child = f"trap 'echo told; exit' TERM; echo $$ >{tmp_path}/child; while :; do sleep 0.05; done"
    (tmp_path / "inner").write_text(child)
    text = (
        f"trap 'sh {tmp_path}/inner & while ! [ -s {tmp_path}/child ]; do sleep 0.02; done; exit' "
        f"TERM; echo $$ >{tmp_path}/pid; while :; do sleep 0.05; done"
    )

    async def run() -> None:
        async with local(tmp_path) as host:
            task = asyncio.create_task(host.exec(shell(text, grace=60.0)))
            await pid_in(tmp_path / "pid")
            task.cancel()
            end = await outcome(task)
            assert (end.ended_by, end.survivors, end.stdout) == ("cancel", 0, "told\n")
            assert not alive(int((tmp_path / "child").read_text()))

    asyncio.run(run())


def test_no_zombie_is_left_when_the_end_is_told(tmp_path: Path) -> None:
    """Of many that die at the end, some always died after the last time they were waited for."""
    text = "for i in $(seq 60); do setsid sh -c 'echo $$ >>{}; sleep 1000' & done; sleep {}"

    async def run() -> None:
        async with local(tmp_path) as host:
            for n in range(8):
                pids = tmp_path / f"pids{n}"
                task = asyncio.create_task(host.exec(shell(text.format(pids, 1000), n=n)))
                await until(
                    lambda at=pids: at.exists() and at.read_text().count("\n") == 60, "all there"
                )
                task.cancel()
                await asyncio.sleep(0)
                task.cancel()
                end = await outcome(task)
                left = [pid for pid in pids.read_text().split() if Path(f"/proc/{pid}").exists()]
                assert (end.ended_by, end.survivors, left) == ("cancel", 0, [])

    asyncio.run(run())


def test_cancel_reaches_daemons_and_stopped_processes(tmp_path: Path) -> None:
    async def run() -> None:
        async with local(tmp_path) as host:
            text = f"{daemon(tmp_path / 'd')}; echo $$ >{tmp_path}/pid; kill -STOP $$; sleep 1000"
            task = asyncio.create_task(host.exec(shell(text, grace=5.0)))
            main, child = await pid_in(tmp_path / "pid"), await pid_in(tmp_path / "d")
            task.cancel()
            end = await outcome(task)
            assert (end.ended_by, end.survivors) == ("cancel", 0)
            assert not alive(main) and not alive(child)

    asyncio.run(run())


def test_timeout_ends_the_tree(tmp_path: Path) -> None:
    (end,) = execute(tmp_path, shell("sleep 1000 & sleep 1000", timeout=0.2, grace=1.0))
    assert (end.ended_by, end.signal, end.survivors) == ("timeout", 15, 0)


def test_a_child_that_holds_the_pipe_does_not_delay_the_end(tmp_path: Path) -> None:
    text = "(trap '' TERM; while :; do sleep 0.05; done) & echo started"
    (end,) = execute(tmp_path, shell(text, grace=0.2))
    assert (end.ended_by, end.exit_code, end.stdout) == ("exit", 0, "started\n")
    assert end.swept >= 1 and end.survivors == 0


def test_a_child_that_writes_for_ever_is_swept(tmp_path: Path) -> None:
    (end,) = execute(tmp_path, shell("yes & sleep 0.05; exit 3", grace=0.2))
    assert (end.ended_by, end.exit_code, end.swept, end.survivors) == ("exit", 3, 1, 0)


def test_death_by_a_signal_is_told_apart(tmp_path: Path) -> None:
    (end,) = execute(tmp_path, shell("kill -SEGV $$"))
    assert (end.ended_by, end.signal, end.exit_code) == ("signal:11", 11, None)


def test_a_fork_bomb_is_bounded(tmp_path: Path) -> None:
    bomb = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass\n"
    work = shell(f"exec {sys.executable} -I -S -c '{bomb}'", limits=Limits(processes=40), grace=0.5)
    (end,) = execute(tmp_path, work)
    assert (end.ended_by, end.survivors) == ("limit:processes", 0)


def test_memory_is_bounded_for_the_whole_tree(tmp_path: Path) -> None:
    eat = "import time; x = bytearray(40 << 20); time.sleep(100)"
    text = f"for i in 1 2 3 4; do {sys.executable} -I -S -c '{eat}' & done; wait; sleep 100"
    (end,) = execute(tmp_path, shell(text, limits=Limits(memory=100 << 20), grace=0.5))
    assert (end.ended_by, end.survivors) == ("limit:memory", 0)
    assert end.peak_memory > 50 << 20


def test_cpu_time_is_bounded(tmp_path: Path) -> None:
    text = "while :; do :; done & while :; do :; done"
    (end,) = execute(tmp_path, shell(text, limits=Limits(cpu_time=0.3), grace=0.5))
    assert (end.ended_by, end.survivors) == ("limit:cpu_time", 0)
    assert end.cpu >= 0.3


def test_open_files_are_bounded(tmp_path: Path) -> None:
    (end,) = execute(tmp_path, shell("ulimit -n; ulimit -Hn", limits=Limits(open_files=77)))
    assert end.stdout == "77\n77\n"


def test_output_is_bounded(tmp_path: Path) -> None:
    (end,) = execute(tmp_path, shell("yes", limits=Limits(output=1 << 20), grace=0.5))
    assert (end.ended_by, end.survivors) == ("limit:output", 0)
    assert end.stdout_bytes == 1 << 20


def test_a_supervisor_told_to_stop_takes_its_trees_along(tmp_path: Path) -> None:
    async def run() -> None:
        async with local(tmp_path) as host:
            task = asyncio.create_task(host.exec(shell(f"{daemon(tmp_path / 'd')}; sleep 1000")))
            child = await pid_in(tmp_path / "d")
            supervisor = host.supervisor_pid
            os.kill(supervisor, 15)
            end = await outcome(task)
            assert (end.ended_by, end.survivors) == ("lost", 0)
            assert end.error == "the supervisor was told to stop"
            await until(lambda: not alive(supervisor), "the supervisor ended")
            assert not alive(child)

    asyncio.run(run())


def test_a_supervisor_within_an_attempt_goes_with_it(tmp_path: Path) -> None:
    """And so does all that it has started, though it bears other marks."""

    async def run() -> None:
        async with local(tmp_path) as host:
            inner = f"{daemon(tmp_path / 'd')}; echo $$ >{tmp_path}/pid; sleep 1000"
            work = Exec(
                attempt("outer"),
                (sys.executable, "-c", OWNER, f"{tmp_path}/home", "run-2/i/h/1", inner),
            )
            task = asyncio.create_task(host.exec(work))
            pids = [await pid_in(tmp_path / "pid"), await pid_in(tmp_path / "d")]
            task.cancel()
            end = await outcome(task)
            assert (end.ended_by, end.survivors) == ("cancel", 0)
            assert not any(alive(pid) for pid in pids)

    asyncio.run(run())


def test_the_supervisor_ends_with_its_last_door(tmp_path: Path) -> None:
    async def run() -> None:
        async with local(tmp_path) as host:
            supervisor = host.supervisor_pid
            assert alive(supervisor)
            assert (await host.exec(shell("true"))).ok
        await until(lambda: not alive(supervisor), "the supervisor ended")

    asyncio.run(run())
