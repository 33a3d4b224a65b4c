from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from runyard.model.errors import NotFoundError, StoreError, UsageError
from runyard.store.artifacts import ArtifactStore
from runyard.store.home import Home

RUN = "run-00000001"


def test_bytes_and_files_come_back(home: Home, tmp_path: Path):
    store = ArtifactStore(home)
    (tmp_path / "report.html").write_bytes(b"<html>")
    made = [
        store.put(RUN, "dist/app.bin", b"\0\1\2"),
        store.put(RUN, "report.html", tmp_path / "report.html"),
    ]
    assert store.list(RUN) == made
    assert made[0].sha256 == hashlib.sha256(b"\0\1\2").hexdigest()
    assert made[1].size == 6
    with store.open(RUN, "report.html") as file:
        assert file.read() == b"<html>"


def test_a_name_is_replaced(home: Home):
    store = ArtifactStore(home)
    store.put(RUN, "a", b"one")
    with store.open(RUN, "a") as reader:
        store.put(RUN, "a", b"second")
        assert reader.read() == b"one"
    assert [artifact.size for artifact in store.list(RUN)] == [6]


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", ".", "a/./b", ".hidden", "a\0b",
     "x" * 201, "y/" * 600 + "z"],
)  # fmt: skip
def test_a_name_stays_within_the_run(home: Home, name: str):
    with pytest.raises(UsageError) as caught:
        ArtifactStore(home).put(RUN, name, b"x")
    assert caught.value.code == "ARTIFACT_NAME"
    with pytest.raises(UsageError):
        ArtifactStore(home).open(RUN, name)


def test_size_is_bounded(home: Home, tmp_path: Path):
    store = ArtifactStore(home, max_bytes=10)
    (tmp_path / "large").write_bytes(b"x" * 11)
    store.put(RUN, "fits", b"x" * 10)
    for content in (b"x" * 11, tmp_path / "large", Path("/dev/zero")):
        with pytest.raises(StoreError) as caught:
            store.put(RUN, "large", content)
        assert caught.value.code == "ARTIFACT_SIZE"
    assert [artifact.name for artifact in store.list(RUN)] == ["fits"]


def test_what_is_not_there_is_told(home: Home, tmp_path: Path):
    store = ArtifactStore(home)
    assert store.list(RUN) == []
    with pytest.raises(NotFoundError):
        store.open(RUN, "nothing")
    with pytest.raises(NotFoundError):
        store.put(RUN, "copy", tmp_path / "missing")
