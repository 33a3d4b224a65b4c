"""The spool: records as the store reads them, whole or not at all."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from runyard.store import spool as store
from runyard.supervisor.spool import RECORD, Spool, quote, read_records, safe_name


def records(path: Path, limit: int = 1 << 20) -> list[tuple[int, int, int, bytes]]:
    fd = os.open(path, os.O_RDONLY)
    try:
        found: list[tuple[int, int, int, bytes]] = []
        position = 0
        while True:
            some, position = read_records(fd, position, limit)
            if not some:
                return found
            found += some
    finally:
        os.close(fd)


@pytest.mark.parametrize("limit", [1, 30, 1 << 20])
def test_records_come_back(tmp_path: Path, limit: int) -> None:
    spool = Spool(str(tmp_path / "deep" / "a.log"))
    assert not (tmp_path / "deep").exists()
    spool.append(1, b"one", 0, 1.5)
    spool.append(2, memoryview(b"two!"), 0, 2.5)
    spool.append(1, b"three", 3, 3.5)
    spool.close()
    path = tmp_path / "deep" / "a.log"
    expected = [(1, 1500, 0, b"one"), (2, 2500, 0, b"two!"), (1, 3500, 3, b"three")]
    assert records(path, limit) == expected
    assert path.stat().st_mode & 0o777 == 0o600
    fd = os.open(path, os.O_RDONLY)
    assert [(s, o) for _, s, _, o in store.headers(fd)] == [(1, 0), (2, 0), (1, 3)]
    os.close(fd)


def test_a_torn_record_does_not_count(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "a.log"))
    spool.append(1, b"whole", 0, 0.0)
    spool.append(1, b"torn", 5, 0.0)
    spool.close()
    os.truncate(tmp_path / "a.log", 2 * RECORD.size + 7)
    assert [payload for *_, payload in records(tmp_path / "a.log")] == [b"whole"]


def test_a_record_that_does_not_fit_is_dropped_whole(tmp_path: Path) -> None:
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    spool = Spool(str(tmp_path / "a.log"))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
        for at in range(0, 1500, 300):
            spool.append(1, b"x" * 300, at, 0.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, ignored)
    spool.append(1, b"again", 1500, 0.0)
    spool.close()
    assert spool.dropped == 600 and spool.trouble
    assert [(o, len(p)) for _, _, o, p in records(tmp_path / "a.log")] == [
        (0, 300), (300, 300), (600, 300), (1500, 5)
    ]  # fmt: skip


def test_names_are_safe() -> None:
    assert quote("a b/é") == "a%20b%2F%C3%A9"
    long = safe_name("x" * 500)
    assert len(long) < 255 and long != safe_name("x" * 501)
