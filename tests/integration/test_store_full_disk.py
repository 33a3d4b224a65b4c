"""A full disk: commits say so, the end state is still written, the store stays readable."""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.model.errors import StoreError
from runyard.model.event import NewEvent
from runyard.model.run import RunFilter, RunRecord
from runyard.model.status import Status
from runyard.store.home import Home
from runyard.store.output import OutputStore
from runyard.store.sqlite import SqliteJournal

RUN = "run-00000001"
_libc = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    target = tmp_path / "disk"
    target.mkdir()
    if _libc.mount(b"tmpfs", os.fsencode(target), b"tmpfs", 0, b"size=4m") != 0:
        pytest.skip("only root may mount a file system")
    try:
        yield target
    finally:
        _libc.umount2(os.fsencode(target), 2)


def fill(disk: Path) -> None:
    with open(disk / "filler", "ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


def big(host: str) -> NewEvent:
    data = {"n": 1, "result": {"status": "failed", "stdout": "x" * 60_000}}
    return NewEvent("attempt.finished", "s", host, data)


async def commit_until_full(journal: SqliteJournal, disk: Path) -> StoreError:
    """Until not even the smallest commit finds room, in the file system or in the database."""
    fill(disk)
    for _ in range(20_000):
        try:
            await journal.commit(RUN, 1, [NewEvent("warning.raised")])
        except StoreError as error:
            return error
    raise AssertionError("the disk never got full")


def test_the_end_of_a_run_is_written_on_a_full_disk(disk: Path):
    async def go() -> None:
        home = Home(disk / "state").prepare()
        journal = SqliteJournal(home)
        await journal.create(RunRecord(RUN), {}, [NewEvent("run.started")])
        error = await commit_until_full(journal, disk)
        assert error.code == "DISK_FULL"
        assert "free some space" in error.hint
        assert home.ballast.exists()
        seq = (await journal.events(RUN, 0, 100_000))[-1].seq
        data = {"status": "failed", "message": "no space left", "error": error.to_dict()}
        await journal.commit(RUN, 1, [NewEvent("run.finished", data=data)])
        assert not home.ballast.exists()
        await journal.close()

        again = SqliteJournal(home.prepare())
        record = await again.get(RUN)
        assert record.status is Status.FAILED
        assert "no space left" in record.last_error
        assert (await again.events(RUN, seq))[0].type == "run.finished"
        await again.close()

    asyncio.run(go())


def test_commits_at_once_fail_one_by_one_and_the_end_is_among_those_that_do_not(disk: Path):
    async def go() -> None:
        home = Home(disk / "state").prepare()
        journal = SqliteJournal(home)
        other = "run-00000002"
        await journal.create(RunRecord(RUN), {}, [NewEvent("run.started")])
        await journal.create(RunRecord(other), {}, [NewEvent("run.started")])
        await commit_until_full(journal, disk)
        end = NewEvent("run.finished", data={"status": "failed", "message": "no space left"})
        outcomes = await asyncio.gather(
            journal.commit(RUN, 1, [big("a")]),
            journal.commit(RUN, 1, [big("b")]),
            journal.commit(other, 1, [end]),
            return_exceptions=True,
        )
        codes = [getattr(outcome, "code", "") for outcome in outcomes]
        assert codes == ["DISK_FULL", "DISK_FULL", ""]
        assert (await journal.get(other)).status is Status.FAILED
        assert (await journal.get(RUN)).status is Status.RUNNING
        await journal.close()

    asyncio.run(go())


def test_a_full_disk_that_nobody_wrote_to_yet_can_be_read(disk: Path):
    async def go() -> None:
        home = Home(disk / "state").prepare()
        journal = SqliteJournal(home)
        await journal.create(RunRecord(RUN), {}, [NewEvent("run.started")])
        await journal.close()
        fill(disk)
        reader = SqliteJournal(Home(disk / "state").prepare())
        assert [r.run_id for r in await reader.list(RunFilter())] == [RUN]
        await reader.close()

    asyncio.run(go())


def test_a_new_home_on_a_full_disk_says_so(disk: Path):
    fill(disk)

    async def go() -> None:
        journal = SqliteJournal(Home(disk / "state").prepare())
        try:
            await journal.create(RunRecord(RUN), {})
        finally:
            await journal.close()

    with pytest.raises(StoreError) as caught:
        asyncio.run(go())
    assert caught.value.code == "DISK_FULL"
    assert "RUNYARD_STATE" in caught.value.hint


def test_output_on_a_full_disk_is_all_or_nothing(disk: Path):
    home = Home(disk / "state").prepare()
    store = OutputStore(home)
    attempt = f"{RUN}/s/h/1"
    store.append(RUN, attempt, "stdout", b"first\n")
    fill(disk)
    with pytest.raises(StoreError) as caught:
        store.append(RUN, attempt, "stdout", b"y" * 10_000)
    assert caught.value.code == "DISK_FULL"
    (disk / "filler").unlink()
    store.append(RUN, attempt, "stderr", b"second\n")
    assert [chunk.data for chunk in store.read(RUN)] == [b"first\n", b"second\n"]
    store.close()
