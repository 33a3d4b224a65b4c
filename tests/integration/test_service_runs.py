from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runyard.engine.plan import Plan
from runyard.model.errors import ConflictError, NotFoundError, UsageError
from runyard.model.run import RunFilter
from runyard.model.status import Status
from runyard.service.job import RunOptions
from runyard.service.runs import PlanDrift, Runs
from runyard.store.home import Home
from tests.integration.support import events_of, job, run, text_of, until, with_runs

VARIABLES = """
    steps:
      - name: export
        action: shell.run
        args:
          export_vars: true
          script: |
            echo "BOPS_EXPORT:COUNT=3"
            echo "to stderr" >&2
      - name: use
        when: ${COUNT} > 2
        action: cmd.run
        args: {cmd: 'echo "count is ${COUNT}"'}
      - name: never
        when: ${COUNT} > 5
        action: cmd.run
        args: {cmd: 'echo never'}
"""


def test_a_workflow_runs_and_its_record_output_and_events_agree(tmp_path: Path) -> None:
    async def scenario(runs: Runs) -> None:
        record, started = await run(runs, VARIABLES)
        assert record.status is Status.SUCCESS
        assert [(s.name, s.status.value) for s in record.steps] == [
            ("export", "success"), ("use", "success"), ("never", "skipped"),
        ]  # fmt: skip
        assert [r.status.value for r in started.results] == ["success", "success", "skipped"]
        assert await text_of(runs, record.run_id, step="use") == "count is 3\n"
        assert await text_of(runs, record.run_id, stream="stderr") == "to stderr\n"
        types = [event.type for event in await events_of(runs, record.run_id)]
        assert types[:2] == ["run.queued", "run.started"] and types[-1] == "run.finished"
        assert [e.seq for e in await events_of(runs, record.run_id)] == [*range(1, len(types) + 1)]
        assert await runs.find("last") == record.run_id
        assert await runs.find(record.run_id[:-2]) == record.run_id
        with pytest.raises(NotFoundError):
            await runs.find("nothing")

    with_runs(tmp_path, scenario)


def test_cancel_from_another_process_leaves_nothing_and_runs_finally(tmp_path: Path) -> None:
    text = f"""
        steps:
          - name: long
            action: shell.run
            args:
              script: |
                setsid sleep 1000 & echo $! >{tmp_path}/pid
                trap '' TERM
                while :; do sleep 0.1; done
        finally:
          - name: bye
            action: cmd.run
            args: {{cmd: 'echo bye'}}
    """

    async def scenario(runs: Runs) -> None:
        work = job(text)
        started = await runs.start(work, RunOptions())
        await until(runs, started.run_id, "attempt.started", "long")
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            await asyncio.sleep(0.01)
        async with Runs.open(Home(tmp_path)) as other:
            await other.cancel(started.run_id, "enough")
            await until(runs, started.run_id, "control.taken")
            await other.cancel(started.run_id, kill=False)
        record = await started.wait()
        assert record.status is Status.CANCELED and record.message == "enough"
        result = started.results[0].outcome
        assert result.status is Status.CANCELED and result.survivors == 0
        assert started.results[-1].step == "finally:bye"
        pid = int((tmp_path / "pid").read_text())
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    with_runs(tmp_path, scenario)


CRASH = """
import asyncio, sys
from tests.integration.support import job
from runyard.service.job import RunOptions
from runyard.service.runs import Runs
from runyard.store.home import Home
from pathlib import Path

async def main():
    async with Runs.open(Home(Path(sys.argv[1]))) as runs:
        started = await runs.start(job(open(sys.argv[2]).read()), RunOptions(run_id="crash-run-1"))
        await started.wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("moment", [0.0, 0.15, 0.3, 0.45, 0.6, 0.9])
def test_kill_9_at_any_moment_then_resume_does_each_step_once(
    tmp_path: Path, root: Path, moment: float
) -> None:
    home, side = tmp_path / "home", tmp_path / "side"
    steps = "\n".join(
        f"  - name: s{n}\n    action: cmd.run\n"
        f"    args: {{cmd: 'echo s{n} >>{side}; echo out-s{n}; sleep 0.1; echo end-s{n}'}}"
        for n in range(6)
    )
    text = f"version: v0.1\nname: test\nsteps:\n{steps}\n"
    (tmp_path / "w.yaml").write_text(text)
    child = subprocess.Popen(
        [sys.executable, "-c", CRASH, str(home), str(tmp_path / "w.yaml")], cwd=root
    )

    async def scenario(runs: Runs) -> None:
        async with asyncio.timeout(20):
            while not await runs.list(RunFilter()):
                await asyncio.sleep(0.01)
        await asyncio.sleep(moment)
        child.send_signal(signal.SIGKILL)
        child.wait()

    async def after(runs: Runs) -> None:
        record = await runs.get("crash-run-1")
        if record.status is not Status.SUCCESS:
            assert runs.interrupted == ["crash-run-1"]
            assert record.status is Status.INTERRUPTED
            record = await (await runs.resume("crash-run-1", job(text))).wait()
        assert record.status is Status.SUCCESS
        assert side.read_text().split() == [f"s{n}" for n in range(6)]
        expected = [w for n in range(6) for w in (f"out-s{n}", f"end-s{n}")]
        assert (await text_of(runs, "crash-run-1")).split() == expected

    with_runs(home, scenario)
    with_runs(home, after)


def test_a_follower_is_told_when_the_owner_dies(tmp_path: Path, root: Path) -> None:
    text = (
        "version: v0.1\nname: test\nsteps:\n  - {name: s, action: cmd.run, args: {cmd: sleep 2}}\n"
    )
    (tmp_path / "w.yaml").write_text(text)
    child = subprocess.Popen(
        [sys.executable, "-c", CRASH, str(tmp_path / "home"), str(tmp_path / "w.yaml")], cwd=root
    )

    async def scenario(runs: Runs) -> None:
        async with asyncio.timeout(20):
            while not await runs.list(RunFilter()):
                await asyncio.sleep(0.01)
            await until(runs, "crash-run-1", "attempt.started")
            child.send_signal(signal.SIGKILL)
            child.wait()
            last = [event async for event in runs.events("crash-run-1", follow=True)][-1]
        assert (last.type, last.data["status"]) == ("run.finished", "interrupted")

    with_runs(tmp_path / "home", scenario)


def test_a_cancel_ends_what_a_dead_owner_left_and_a_resume_does_it_anew(
    tmp_path: Path, root: Path
) -> None:
    script = f"echo $$ >>{tmp_path}/pids; test -e {tmp_path}/quick || sleep 1000"
    step = f"{{name: s, action: cmd.run, args: {{cmd: '{script}'}}}}"
    text = f"version: v0.1\nname: test\nsteps:\n  - {step}"
    (tmp_path / "w.yaml").write_text(text)
    child = subprocess.Popen(
        [sys.executable, "-c", CRASH, str(tmp_path / "home"), str(tmp_path / "w.yaml")], cwd=root
    )

    async def scenario(runs: Runs) -> None:
        async with asyncio.timeout(20):
            while not (tmp_path / "pids").exists() or not (tmp_path / "pids").read_text():
                await asyncio.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()

    async def after(runs: Runs) -> None:
        pid = int((tmp_path / "pids").read_text())
        os.kill(pid, 0)
        done = await runs.cancel("crash-run-1")
        assert done is not None and (done.ended, done.survivors) == (1, 0)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        host = (await runs.get("crash-run-1")).steps[0].hosts["local"]
        assert host.message == "ended by a later cancel" and host.finished_at is not None
        (tmp_path / "quick").touch()
        record = await (await runs.resume("crash-run-1", job(text))).wait()
        assert record.status is Status.SUCCESS
        assert len((tmp_path / "pids").read_text().split()) == 2

    with_runs(tmp_path / "home", scenario)
    with_runs(tmp_path / "home", after)


def test_resume_refuses_another_workflow_and_a_run_that_succeeded(tmp_path: Path) -> None:
    flaky = f"""
        steps:
          - name: once
            action: cmd.run
            args: {{cmd: 'echo once >>{tmp_path}/side'}}
          - name: flaky
            action: cmd.run
            args: {{cmd: 'test -e {tmp_path}/ready'}}
    """

    async def scenario(runs: Runs) -> None:
        record, _ = await run(runs, flaky)
        assert record.status is Status.FAILED and "flaky" in record.message
        with pytest.raises(ConflictError) as refusal:
            await runs.resume(record.run_id, job(VARIABLES))
        assert refusal.value.code == "RUN_CHANGED"
        (tmp_path / "ready").touch()
        record = await (await runs.resume(record.run_id, job(flaky))).wait()
        assert record.status is Status.SUCCESS
        assert (tmp_path / "side").read_text() == "once\n"
        with pytest.raises(ConflictError):
            await runs.resume(record.run_id, job(flaky))

    with_runs(tmp_path, scenario)


def test_approve_reject_and_named_events(tmp_path: Path) -> None:
    text = """
        steps:
          - name: gate
            approval: {message: 'go?', approvers: [ann]}
            action: cmd.run
            args: {cmd: echo gone}
          - name: signal
            action: wait.event
            args: {name: ready, timeout: 20s}
    """

    async def scenario(runs: Runs) -> None:
        started = await runs.start(job(text), RunOptions())
        asked = await until(runs, started.run_id, "approval.requested")
        assert asked.step == "gate" and asked.data["message"] == "go?"
        with pytest.raises(UsageError, match="bob is not among the approvers: ann"):
            await runs.decide(started.run_id, accept=True, by="bob")
        await runs.decide(started.run_id, accept=True, step="gate", by="ann")
        await until(runs, started.run_id, "step.started", "signal")
        await runs.post_event(started.run_id, "ready", {"x": 1})
        assert (await started.wait()).status is Status.SUCCESS
        started = await runs.start(job(text), RunOptions())
        await runs.decide(started.run_id, accept=False, by="ann", comment="no")
        record = await started.wait()
        assert record.status is Status.FAILED and "rejected by ann: no" in record.message
        assert (await runs.start(job(text), RunOptions(approve=True))).cancel() is None

    with_runs(tmp_path, scenario)


def test_an_answer_counts_in_one_life_only(tmp_path: Path) -> None:
    text = """
        steps:
          - name: gate
            approval: {message: 'go?'}
            action: cmd.run
            args: {cmd: echo gone}
    """

    async def scenario(runs: Runs) -> None:
        started = await runs.start(job(text), RunOptions())
        await runs.decide(started.run_id, accept=False, step="gate", by="ann")
        assert (await started.wait()).status is Status.FAILED
        again = await runs.resume(started.run_id, job(text))
        await runs.decide(started.run_id, accept=True, step="gate", by="ann")
        assert (await again.wait()).status is Status.SUCCESS
        decisions = [
            event.data["decision"]
            for event in await events_of(runs, started.run_id)
            if event.type == "approval.decided"
        ]
        assert decisions == ["rejected", "approved"]

    with_runs(tmp_path, scenario)


def test_a_control_that_cannot_be_obeyed_keeps_no_other_from_being(tmp_path: Path) -> None:
    async def scenario(runs: Runs) -> None:
        text = """
            steps:
              - {name: long, action: cmd.run, args: {cmd: sleep 60}}
        """
        started = await runs.start(job(text), RunOptions())
        await runs.journal.post(started.run_id, "event", {"no": "name"})
        await runs.cancel(started.run_id, "enough")
        record = await started.wait()
        assert (record.status, record.message) == (Status.CANCELED, "enough")

    with_runs(tmp_path, scenario)


def test_what_goes_on_is_not_rolled_back(tmp_path: Path) -> None:
    async def scenario(runs: Runs) -> None:
        text = """
            steps:
              - name: made
                action: cmd.run
                args: {cmd: echo}
                rollback: {action: cmd.run, args: {cmd: echo}}
              - {name: long, action: cmd.run, args: {cmd: sleep 60}}
        """
        started = await runs.start(job(text), RunOptions())
        await until(runs, started.run_id, "attempt.started", "long")
        with pytest.raises(ConflictError) as refused:
            await runs.rollback(started.run_id, job(text))
        assert refused.value.code == "RUN_ACTIVE"
        started.cancel()
        await started.wait()

    with_runs(tmp_path, scenario)


def test_an_old_run_is_found_by_its_id_among_very_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(runs: Runs) -> None:
        record, _ = await run(runs, VARIABLES)

        async def newest_only(filter: RunFilter) -> list[object]:
            return []

        monkeypatch.setattr(runs.journal, "list", newest_only)
        assert await runs.find(record.run_id) == record.run_id

    with_runs(tmp_path, scenario)


def test_a_plan_holds_a_run_to_it(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    text = f"""
        steps:
          - name: make
            action: cmd.run
            check: test -e {mark}
            args: {{cmd: 'touch {mark}'}}
    """

    async def scenario(runs: Runs) -> None:
        plan = await runs.plan(job(text), RunOptions())
        assert [(r.step, r.host, r.decision) for r in plan.rows] == [("make", "local", "run")]
        assert Plan.from_dict(plan.to_dict()) == plan
        record = await (await runs.start(job(text), RunOptions(), plan=plan)).wait()
        assert record.status is Status.SUCCESS and mark.exists()
        done = await runs.plan(job(text), RunOptions())
        assert done.rows[0].decision == "done"
        mark.unlink()
        with pytest.raises(PlanDrift) as drift:
            await runs.start(job(text), RunOptions(), plan=done)
        assert "make on local: done" in drift.value.message
        with pytest.raises(PlanDrift):
            await runs.start(job(VARIABLES), RunOptions(), plan=plan)
        assert len(await runs.list(RunFilter())) == 1

    with_runs(tmp_path, scenario)


def test_rollback_of_a_run_that_succeeded(tmp_path: Path) -> None:
    text = f"""
        steps:
          - name: one
            action: shell.run
            args:
              export_vars: true
              script: |
                touch {tmp_path}/one
                echo BOPS_EXPORT:WHAT=one
            rollback: {{action: cmd.run, args: {{cmd: 'rm {tmp_path}/${{WHAT}}'}}}}
          - name: two
            action: cmd.run
            args: {{cmd: 'touch {tmp_path}/two'}}
            rollback:
              action: cmd.run
              args: {{cmd: 'rm {tmp_path}/two; test -e {tmp_path}/one'}}
    """

    async def scenario(runs: Runs) -> None:
        record, _ = await run(runs, text)
        undone = await (await runs.rollback(record.run_id, job(text))).wait()
        assert undone.status is Status.SUCCESS, undone.message
        assert not (tmp_path / "one").exists() and not (tmp_path / "two").exists()
        plain, _ = await run(runs, VARIABLES)
        with pytest.raises(ConflictError) as refusal:
            await runs.rollback(plain.run_id, job(VARIABLES))
        assert refusal.value.code == "NOTHING_TO_UNDO"
        with pytest.raises(ConflictError) as twice:
            await runs.rollback(record.run_id, job(text))
        assert twice.value.code == "RUN_UNDONE"

    with_runs(tmp_path, scenario)


def test_a_failed_rollback_may_be_tried_again(tmp_path: Path) -> None:
    text = f"""
        steps:
          - name: one
            action: cmd.run
            args: {{cmd: 'touch {tmp_path}/one'}}
            rollback:
              action: cmd.run
              args: {{cmd: 'test -e {tmp_path}/ready && rm {tmp_path}/one'}}
          - {{name: boom, action: cmd.run, args: {{cmd: 'false'}}}}
        on_failure: rollback
    """

    async def scenario(runs: Runs) -> None:
        record, _ = await run(runs, text)
        assert record.status is Status.FAILED and (tmp_path / "one").exists()
        (tmp_path / "ready").touch()
        undone = await (await runs.rollback(record.run_id, job(text))).wait()
        assert undone.status is Status.SUCCESS, undone.message
        assert not (tmp_path / "one").exists()

    with_runs(tmp_path / "home", scenario)


def test_a_failed_rollback_run_goes_on_backwards_and_undoes_nothing_twice(tmp_path: Path) -> None:
    log, ready = tmp_path / "log", tmp_path / "ready"
    steps = "".join(
        f"""
          - name: {name}
            action: cmd.run
            args: {{cmd: 'echo do-{name} >>{log}'}}
            rollback: {{action: cmd.run, args: {{cmd: '{check} && echo undo-{name} >>{log}'}}}}"""
        for name, check in (("one", f"test -e {ready}"), ("two", "true"))
    )
    text = f"steps:{steps}"

    async def scenario(runs: Runs) -> None:
        record, _ = await run(runs, text)
        failed = await (await runs.rollback(record.run_id, job(text))).wait()
        assert failed.status is Status.FAILED
        assert log.read_text().split() == ["do-one", "do-two", "undo-two"]
        ready.touch()
        resumed = await (await runs.resume(failed.run_id, job(text))).wait()
        assert resumed.status is Status.SUCCESS, resumed.message
        assert log.read_text().split() == ["do-one", "do-two", "undo-two", "undo-one"]

        ready.unlink()
        log.unlink()
        record, _ = await run(runs, text)
        await (await runs.rollback(record.run_id, job(text))).wait()
        ready.touch()
        again = await (await runs.rollback(record.run_id, job(text))).wait()
        assert again.status is Status.SUCCESS
        assert log.read_text().split() == ["do-one", "do-two", "undo-two", "undo-one"]

    with_runs(tmp_path / "home", scenario)


def test_a_resume_works_where_the_run_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
        steps:
          - {name: s, action: cmd.run, args: {cmd: 'pwd; test -e ready'}}
    """
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(here)

    async def scenario(runs: Runs) -> None:
        record, _ = await run(runs, text)
        assert record.status is Status.FAILED
        (here / "ready").touch()
        monkeypatch.chdir(elsewhere)
        record = await (await runs.resume(record.run_id, job(text))).wait()
        assert record.status is Status.SUCCESS
        assert (await text_of(runs, record.run_id)).split() == [str(here), str(here)]

    with_runs(tmp_path / "home", scenario)


def test_limit_tags_local_and_variables(tmp_path: Path) -> None:
    text = """
        inventory:
          hosts:
            web1: {address: "http://127.0.0.1:1", vars: {ROLE: front}}
            web2: {address: "http://127.0.0.1:2"}
        steps:
          - {name: a, tags: [x], action: cmd.run, args: {cmd: 'echo $RUNYARD_HOST $ROLE $V'}}
          - {name: b, tags: [y], action: cmd.run, args: {cmd: 'false'}}
    """

    async def scenario(runs: Runs) -> None:
        record, _ = await run(
            runs, text, local=True, limit=("web1",), tags=("x",), vars={"V": "v v"}
        )
        assert record.status is Status.SUCCESS
        assert await text_of(runs, record.run_id) == "web1 front v v\n"
        with pytest.raises(UsageError, match="no step has the tag"):
            await runs.start(job(text), RunOptions(tags=("z",)))
        refused, _ = await run(runs, text, tags=("x",))
        assert refused.status is Status.FAILED and "--local" in str(
            [e.data for e in await events_of(runs, refused.run_id)]
        )

    with_runs(tmp_path, scenario)


def test_secrets_never_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "correct-horse-battery-staple"
    monkeypatch.setenv("RUNYARD_SECRET_TOKEN", secret)
    text = """
        steps:
          - name: print
            action: shell.run
            args:
              export_vars: true
              script: |
                echo "it is ${secret:TOKEN}"
                printf %s "${secret:TOKEN}" | base64
                echo "BOPS_EXPORT:GOT=${secret:TOKEN}"
          - name: keep
            action: env.set
            args: {env: {URL: 'https://x:${secret:TOKEN}@host'}}
          - name: use
            action: cmd.run
            args: {cmd: 'echo "${#GOT} ${#URL}"'}
          - name: wrong
            continue_on_error: true
            action: file.copy
            args: {src: '/nowhere/${secret:TOKEN}', dest: /tmp/x}
    """

    async def scenario(runs: Runs) -> None:
        record, _ = await run(runs, text)
        assert record.status is Status.SUCCESS, record.message
        assert (
            await text_of(runs, record.run_id, step="use") == f"{len(secret)} {len(secret) + 15}\n"
        )
        assert "it is ***" in await text_of(runs, record.run_id)

    with_runs(tmp_path, scenario)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    shapes = (b"correct-horse", b"Y29ycmVjdC1ob3")
    leaks = [path for path, data in files.items() if any(shape in data for shape in shapes)]
    assert leaks == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_fails_the_run_with_that_reason_and_the_store_stays_readable(
    tmp_path: Path,
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], check=True)
    try:
        text = f"""
            steps:
              - name: fill
                action: cmd.run
                args: {{cmd: 'cat /dev/zero >{small}/fill 2>/dev/null; true'}}
              - name: many
                action: cmd.run
                loop: [{", ".join(map(str, range(60)))}]
                args: {{cmd: 'head -c 20000 /dev/urandom | base64'}}
        """

        async def scenario(runs: Runs) -> None:
            started = await runs.start(job(text), RunOptions(run_id="full-disk-1"))
            record = await started.wait()
            assert record.status is Status.FAILED
            assert "full" in f"{record.message} {record.last_error}".lower()

        async def reader(runs: Runs) -> None:
            assert (await runs.get("full-disk-1")).status is Status.FAILED

        with_runs(small / "home", scenario)
        (small / "fill").unlink(missing_ok=True)
        with_runs(small / "home", reader)
    finally:
        subprocess.run(["umount", "-l", small], check=True)
        shutil.rmtree(small, ignore_errors=True)
