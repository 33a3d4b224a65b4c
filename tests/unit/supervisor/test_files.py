"""Files on a host: atomic, idempotent, honest about change."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from runyard.supervisor import files


def test_put_says_what_changed(tmp_path: Path) -> None:
    dest = tmp_path / "a"
    first = files.put(b"one", str(dest), 0o640, None)
    assert first == {"changed": True, "sha256": hashlib.sha256(b"one").hexdigest(), "size": 3}
    assert dest.stat().st_mode & 0o7777 == 0o640
    inode = dest.stat().st_ino
    assert not files.put(b"one", str(dest), 0o640, None)["changed"]
    assert not files.put(b"one", str(dest), None, str(os.getuid()))["changed"]
    assert dest.stat().st_ino == inode
    assert files.put(b"one", str(dest), 0o600, None)["changed"]
    assert files.put(b"two", str(dest), None, None)["changed"]
    assert dest.stat().st_mode & 0o7777 == 0o600 and dest.read_bytes() == b"two"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_put_goes_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    files.put(b"x", str(tmp_path / "link"), None, None)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"x"


def test_put_is_atomic_for_readers(tmp_path: Path) -> None:
    dest = tmp_path / "a"
    contents = [bytes([n]) * 200_000 for n in (1, 2)]
    files.put(contents[0], str(dest), None, None)
    done = threading.Event()
    seen: set[bytes] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(dest.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(30):
        files.put(contents[n % 2], str(dest), None, None)
    done.set()
    reader.join()
    assert seen <= set(contents)


def test_failures(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.put(b"", str(tmp_path / "no" / "a"), None, None)
    with pytest.raises(IsADirectoryError):
        files.put(b"", str(tmp_path), None, None)
    with pytest.raises(LookupError):
        files.put(b"", str(tmp_path / "a"), None, "no-such-user-here")
    with pytest.raises(FileNotFoundError):
        files.read(str(tmp_path / "none"), 0, 1)
    assert list(tmp_path.iterdir()) == []


def test_stat(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    (tmp_path / "l").symlink_to("f")
    found = files.stat(str(tmp_path / "f"), digest=True)
    assert found is not None
    assert (found["kind"], found["size"]) == ("file", 3)
    assert found["sha256"] == hashlib.sha256(b"abc").hexdigest()
    kinds = [(files.stat(str(p)) or {})["kind"] for p in (tmp_path, tmp_path / "l")]
    assert kinds == ["dir", "link"]
    assert files.stat("/dev/null")["kind"] == "other"  # type: ignore[index]
    assert files.stat(str(tmp_path / "none")) is None
    assert files.stat(str(tmp_path / "f" / "below")) is None
