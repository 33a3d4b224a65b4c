from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from runyard.model.errors import StoreError
from runyard.store.migrate import LATEST, connect
from runyard.store.queries import load_migrations, load_queries


def test_migrations_are_numbered_from_one_to_the_latest():
    assert [number for number, _ in load_migrations("sqlite")] == list(range(1, LATEST + 1))


def test_every_query_fits_the_schema():
    conn = connect(None)
    for name, text in load_queries("sqlite").items():
        parameters = dict.fromkeys(_names(text))
        conn.execute("EXPLAIN " + text, parameters).fetchall()
        assert name
    conn.close()


def _names(text: str) -> set[str]:
    import re

    return set(re.findall(r":([a-z_]+)", text))


def test_many_may_open_a_new_database_at_once(tmp_path: Path):
    failures: list[Exception] = []

    def opener() -> None:
        try:
            connect(tmp_path / "runyard.db").close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=opener) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    conn = connect(tmp_path / "runyard.db")
    assert conn.execute("PRAGMA user_version").fetchone() == (LATEST,)
    assert conn.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    conn.close()


def test_a_newer_database_is_refused_with_what_to_do(tmp_path: Path):
    path = tmp_path / "runyard.db"
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA user_version = 999")
    conn.close()
    with pytest.raises(StoreError) as caught:
        connect(path)
    assert caught.value.code == "STORE_NEWER"
    assert "upgrade" in caught.value.hint
    assert not caught.value.retryable


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "runyard.db"
    broken = [(1, "CREATE TABLE a (x);\nCREATE TABLE a (x);\n")]
    with monkeypatch.context() as patch:
        patch.setattr("runyard.store.migrate.load_migrations", lambda _: broken)
        with pytest.raises(sqlite3.OperationalError):
            connect(path)
    conn = connect(path)
    assert conn.execute("SELECT count(*) FROM sqlite_master WHERE name = 'a'").fetchone() == (0,)
    assert conn.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    conn.close()
