from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from runyard.model.errors import StoreError
from runyard.model.run import RunRecord
from runyard.store.faults import store_error
from runyard.store.home import Home
from runyard.store.migrate import connect
from runyard.store.sqlite import SqliteJournal

RUN = "run-00000001"


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.EACCES, "is HOME right?"),
        (errno.EROFS, "read-only"),
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.ENOTDIR, "a file"),
    ],
)
def test_each_failure_of_the_file_system_says_what_to_do(number: int, word: str, tmp_path: Path):
    error = store_error(OSError(number, "x"), tmp_path / "runyard.db")
    assert word in error.hint
    assert (error.code == "DISK_FULL") == (number in (errno.ENOSPC, errno.EDQUOT))


def use(home: Home) -> StoreError:
    async def go() -> None:
        journal = SqliteJournal(home)
        try:
            await journal.create(RunRecord(RUN), {})
        finally:
            await journal.close()

    with pytest.raises(StoreError) as caught:
        asyncio.run(go())
    return caught.value


def test_a_file_that_is_no_database_is_a_store_error(home: Home):
    home.database.write_bytes(b"hello " * 1000)
    error = use(home)
    assert error.code == "STORE_DAMAGED"
    assert "move the file away" in error.hint


def test_a_directory_in_place_of_the_database_is_a_store_error(home: Home):
    home.database.mkdir()
    assert "runyard.db" in use(home).message


def test_a_lock_that_lasts_is_a_store_error(home: Home, monkeypatch: pytest.MonkeyPatch):
    holder = connect(home.database)
    holder.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("runyard.store.migrate.BUSY_TIMEOUT", 0.05)
    error = use(home)
    holder.close()
    assert error.code == "STORE_BUSY"
    assert error.retryable
