"""One conformance test for every RunStore that we ship."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.model.errors import ConflictError, NotFoundError, StoreError, UsageError
from runyard.model.run import HostRecord, RunFilter, RunRecord, RunStore, StepRecord
from runyard.model.status import Status
from runyard.store.home import Home
from runyard.store.runstore import FileRunStore, MemoryRunStore
from runyard.store.sqlstore import SqliteRunStore

RUN = "run-00000001"


def record(run_id: str = RUN, **more: Any) -> RunRecord:
    return RunRecord(run_id, "deploy", "7", **{"version": 1, **more})


def full(**more: Any) -> RunRecord:
    host = HostRecord("web1", Status.FAILED, 1.5, 2.5, "broke", {"stdout": "长", "exit_code": 1})
    step = StepRecord("build", Status.FAILED, 1.0, 3.0, "1 failed", {"web1": host})
    return record(steps=[step], message="m", last_error="e", kind="coding", epoch=3, **more)


@pytest.fixture(params=["memory", "file", "sqlite", "sqlite-memory"])
def run_store(request: pytest.FixtureRequest, home: Home) -> Iterator[Callable[..., Any]]:
    def make() -> RunStore:
        if request.param == "memory":
            return MemoryRunStore()
        if request.param == "file":
            return FileRunStore(home.root / "records")
        return SqliteRunStore(home if request.param == "sqlite" else None)

    def call(function: Callable[[RunStore], Any]) -> None:
        async def main() -> None:
            store = make()
            try:
                await function(store)
            finally:
                if isinstance(store, SqliteRunStore):
                    await store.close()

        asyncio.run(main())

    return call


def test_a_record_comes_back_as_it_was_given(run_store):
    async def go(store: RunStore) -> None:
        given = full(status=Status.RUNNING)
        await store.create_run(given)
        assert await store.get_run(RUN) == given
        for status in (Status.RUNNING, Status.FAILED):
            given.version += 1
            given.status = status
            given.steps[0].hosts["web1"].message += "!"
            await store.update_run(given)
            got = await store.get_run(RUN)
            assert got == given
            assert isinstance(got.status, Status)

    run_store(go)


def test_it_keeps_a_copy(run_store):
    async def go(store: RunStore) -> None:
        given = full()
        await store.create_run(given)
        before = copy.deepcopy(given)
        given.steps.clear()
        (await store.get_run(RUN)).steps.clear()
        assert await store.get_run(RUN) == before

    run_store(go)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_an_update_is_the_next_version_or_refused(run_store, version):
    async def go(store: RunStore) -> None:
        await store.create_run(record())
        with pytest.raises(ConflictError) as caught:
            await store.update_run(record(version=version))
        assert caught.value.code == "RUN_VERSION"
        await store.update_run(record(version=2))

    run_store(go)


def test_only_one_of_two_updates_at_once_wins(run_store):
    async def go(store: RunStore) -> None:
        await store.create_run(record())
        outcomes = await asyncio.gather(
            *(store.update_run(record(version=2, message=str(i))) for i in range(5)),
            return_exceptions=True,
        )
        assert [outcome is None for outcome in outcomes].count(True) == 1

    run_store(go)


def test_ids_are_checked_and_taken_once(run_store):
    async def go(store: RunStore) -> None:
        await store.create_run(record())
        with pytest.raises(ConflictError) as caught:
            await store.create_run(record())
        assert caught.value.code == "RUN_EXISTS"
        with pytest.raises(UsageError):
            await store.create_run(record("../../escape"))
        for call in (store.get_run("run-unknown"), store.update_run(record("run-unknown"))):
            with pytest.raises(NotFoundError):
                await call

    run_store(go)


def test_an_end_is_final_but_for_a_resume(run_store):
    async def go(store: RunStore) -> None:
        await store.create_run(record(status=Status.RUNNING))
        await store.update_run(record(version=2, status=Status.FAILED))
        with pytest.raises(ConflictError) as caught:
            await store.update_run(record(version=3, status=Status.SUCCESS))
        assert caught.value.code == "RUN_FINAL"
        await store.update_run(record(version=3, status=Status.FAILED, last_notify_error="x"))
        await store.update_run(record(version=4, status=Status.RUNNING, epoch=2))
        await store.update_run(record(version=5, status=Status.SUCCESS, epoch=2))
        with pytest.raises(ConflictError):
            await store.update_run(record(version=6, status=Status.RUNNING, epoch=3))

    run_store(go)


def test_lists_newest_first_and_filters(run_store):
    async def go(store: RunStore) -> None:
        for i in range(4):
            await store.create_run(
                RunRecord(f"run-0000000{i}", "odd" if i % 2 else "even", version=1)
            )
        await store.update_run(RunRecord("run-00000001", "odd", version=2, status=Status.RUNNING))

        async def ids(**filter: Any) -> str:
            return "".join(r.run_id[-1] for r in await store.list_runs(RunFilter(**filter)))

        assert await ids() == "3210"
        assert await ids(limit=2) == "32"
        assert await ids(workflow_name="odd") == "31"
        assert await ids(status=Status.RUNNING) == "1"
        assert await ids(kind="coding") == ""

    run_store(go)


def test_unfinished_runs_are_marked_once(run_store):
    async def go(store: RunStore) -> None:
        for i, status in enumerate((Status.QUEUED, Status.RUNNING, Status.FAILED)):
            await store.create_run(record(f"run-0000000{i}", status=status))
        marked = await store.mark_interrupted_running("the process died")
        assert sorted(marked) == ["run-00000000", "run-00000001"]
        got = await store.get_run("run-00000001")
        assert (got.status, got.interrupted_reason) == (Status.INTERRUPTED, "the process died")
        assert got.version == 2 and got.finished_at is not None
        assert (await store.get_run("run-00000002")).status is Status.FAILED
        assert await store.mark_interrupted_running("again") == []

    run_store(go)


def test_memory_says_once_that_it_does_not_persist(caplog: pytest.LogCaptureFixture):
    async def go() -> None:
        store = MemoryRunStore()
        await store.create_run(record())
        await store.create_run(record("run-00000002"))

    with caplog.at_level(logging.WARNING):
        asyncio.run(go())
    assert len([r for r in caplog.records if "memory only" in r.message]) == 1


def test_files_survive_and_damage_is_told(tmp_path: Path):
    async def go() -> None:
        await FileRunStore(tmp_path / "records").create_run(full())
        assert await FileRunStore(tmp_path / "records").get_run(RUN) == full()
        [path] = (tmp_path / "records").glob("*.json")
        for text in (b"", b"{}", b"[1]", b"\xff", b'{"born": 1, "record": {"status": "x"}}'):
            path.write_bytes(text)
            with pytest.raises(StoreError) as caught:
                await FileRunStore(tmp_path / "records").get_run(RUN)
            assert caught.value.code == "STORE_DAMAGED"

    asyncio.run(go())


def test_a_file_in_place_of_the_directory_is_a_store_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        FileRunStore(tmp_path / "file")
