"""Results kept for another time."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.cache import ResultCache

GOOD = Outcome(
    status=Status.SUCCESS,
    stdout="äöü",
    exit_code=0,
    exports={"A": [1, {"b": None}]},
    warnings=("w",),
    changed=True,
    data={"x": 1.5},
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock) -> ResultCache:
    return ResultCache(tmp_path / "cache", clock)


def test_what_was_put_comes_back_whole(cache: ResultCache) -> None:
    assert cache.get("k") is None
    assert cache.put("k", GOOD, 60)
    assert cache.get("k") == GOOD
    assert cache.get("other") is None


def test_time_to_live(cache: ResultCache, clock: Clock) -> None:
    cache.put("k", GOOD, 60)
    cache.put("for-ever", GOOD, None)
    clock.now += 59
    assert cache.get("k") is not None
    clock.now += 1
    assert cache.get("k") is None
    assert cache.get("for-ever") is not None


def test_only_successes_are_kept(cache: ResultCache) -> None:
    for status in Status:
        assert cache.put(status, Outcome(status=status), 60) is (status is Status.SUCCESS)


def test_a_later_result_replaces_an_earlier_one(cache: ResultCache) -> None:
    cache.put("k", GOOD, 60)
    cache.put("k", GOOD.but(stdout="new"), 60)
    found = cache.get("k")
    assert found is not None and found.stdout == "new"


@pytest.mark.parametrize(
    "rubbish", [b"", b"{}", b"[]", b"null", b"\xff", b'{"format": 1, "key": 1']
)
def test_rubbish_is_a_miss(cache: ResultCache, tmp_path: Path, rubbish: bytes) -> None:
    cache.put("k", GOOD, 60)
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(rubbish)
    assert cache.get("k") is None
    assert cache.prune() == 1


def test_what_cannot_be_written_is_not_kept(cache: ResultCache, tmp_path: Path) -> None:
    assert not cache.put("k", GOOD.but(data={"x": object()}), 60)
    (tmp_path / "file").touch()
    assert not ResultCache(tmp_path / "file").put("k", GOOD, 60)
    assert ResultCache(tmp_path / "file").get("k") is None


def test_files_are_private_and_prune_removes_what_expired(
    cache: ResultCache, tmp_path: Path, clock: Clock
) -> None:
    cache.put("a", GOOD, 10)
    cache.put("b", GOOD, 100)
    files = list((tmp_path / "cache").iterdir())
    assert [f.stat().st_mode & 0o777 for f in files] == [0o600, 0o600]
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    clock.now += 50
    assert cache.prune() == 1
    assert cache.get("b") is not None
