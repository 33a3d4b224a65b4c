"""Brings a database to the program's version, and refuses one that is newer."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from runyard.model.errors import StoreError
from runyard.store.queries import load_migrations

LATEST = 1
BUSY_TIMEOUT = 15.0


def connect(path: Path | None) -> sqlite3.Connection:
    """An open, migrated connection in autocommit mode; None is a database in memory.

    Raises sqlite3.Error, OSError, or StoreError `STORE_NEWER`.
    """
    conn = sqlite3.connect(
        path or ":memory:", timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    try:
        conn.execute("PRAGMA synchronous = NORMAL")
        if _version(conn, path) < LATEST:
            _migrate(conn, path)
    except BaseException:
        conn.close()
        raise
    return conn


def _version(conn: sqlite3.Connection, path: Path | None) -> int:
    version = int(conn.execute("PRAGMA user_version").fetchone()[0])
    if version > LATEST:
        raise StoreError(
            f"{path} was written by a newer runyard (database version {version}, "
            f"this program knows {LATEST})",
            code="STORE_NEWER",
            hint="upgrade runyard, or set RUNYARD_STATE to another directory",
            retryable=False,
        )
    return version


def _migrate(conn: sqlite3.Connection, path: Path | None) -> None:
    """Apply what is missing, each migration in a transaction, under a lock between processes."""
    lock = None if path is None else os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if lock is not None:
            # Turning on WAL does not honour the busy timeout; hence a lock of our own.
            fcntl.flock(lock, fcntl.LOCK_EX)
            conn.execute("PRAGMA journal_mode = WAL")
        for number, text in load_migrations("sqlite"):
            conn.execute("BEGIN IMMEDIATE")
            try:
                if number > _version(conn, path):
                    for statement in _statements(text):
                        conn.execute(statement)
                    conn.execute(f"PRAGMA user_version = {number}")
                conn.execute("COMMIT")
            except BaseException:
                if conn.in_transaction:
                    conn.execute("ROLLBACK")
                raise
    finally:
        if lock is not None:
            os.close(lock)


def _statements(text: str) -> list[str]:
    """The statements of a script; unlike executescript() this leaves the transaction open."""
    statements: list[str] = []
    current = ""
    for line in text.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements
