"""A file that comes in pieces replaces the old one at once, or leaves it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from runyard.supervisor import files
from runyard.supervisor.incoming import Incoming, umask
from runyard.supervisor.refusal import Refusal


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_is_there_when_it_is_whole(tmp_path: Path) -> None:
    dest = tmp_path / "a"
    dest.write_bytes(b"old")
    dest.chmod(0o604)
    incoming = Incoming(str(dest))
    incoming.write(b"one ")
    incoming.write(b"two")
    assert (incoming.have, dest.read_bytes()) == (7, b"old")
    done = incoming.finish(7, digest(b"one two"), None, None)
    assert done == {"changed": True, "sha256": digest(b"one two"), "size": 7}
    assert dest.read_bytes() == b"one two" and dest.stat().st_mode & 0o7777 == 0o604
    incoming.abandon()
    assert names(tmp_path) == ["a"] and dest.read_bytes() == b"one two"


@pytest.mark.parametrize(("size", "sha256"), [(4, digest(b"one")), (3, digest(b"two"))])
def test_what_is_not_as_it_was_said_is_refused(tmp_path: Path, size: int, sha256: str) -> None:
    dest = tmp_path / "a"
    dest.write_bytes(b"old")
    incoming = Incoming(str(dest))
    incoming.write(b"one")
    with pytest.raises(Refusal) as refusal:
        incoming.finish(size, sha256, None, None)
    assert refusal.value.code == "CHANGED"
    incoming.abandon()
    incoming.abandon()
    assert names(tmp_path) == ["a"] and dest.read_bytes() == b"old"


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError, match="no such directory") as missing:
        Incoming(str(tmp_path / "none" / "a"))
    assert missing.value.filename == str(tmp_path / "none")
    with pytest.raises(NotADirectoryError, match="no such directory"):
        Incoming(str(tmp_path / "file" / "a"))
    with pytest.raises(IsADirectoryError):
        Incoming(str(tmp_path))
    incoming = Incoming(str(tmp_path / "a"))
    (tmp_path / "a").mkdir()  # somebody was quicker
    with pytest.raises(IsADirectoryError):
        incoming.finish(0, digest(b""), None, None)
    incoming.abandon()
    assert names(tmp_path) == ["a", "file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_is_kept_or_given(tmp_path: Path) -> None:
    dest = tmp_path / "a"
    dest.write_bytes(b"old")
    os.chown(dest, 1234, 4321)
    files.put(b"new", str(dest), None, None)
    assert (dest.stat().st_uid, dest.stat().st_gid) == (1234, 4321)
    assert files.put(b"new", str(dest), 0o4755, "0:0")["changed"]
    assert (dest.stat().st_uid, dest.stat().st_mode & 0o7777) == (0, 0o4755)
    assert files.put(b"new", str(dest), 0o4755, "1")["changed"]  # a new owner clears the set-id bit
    assert dest.stat().st_mode & 0o7777 == 0o4755
    assert not files.put(b"new", str(dest), 0o4755, ":0")["changed"]


def test_umask_is_read_and_not_touched() -> None:
    old = os.umask(0o027)
    try:
        assert umask() == 0o027
    finally:
        assert os.umask(old) == 0o027


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        files.read(str(tmp_path / "pipe"), 0, 1)
    with pytest.raises(IsADirectoryError):
        files.digest_of(str(tmp_path))
    assert files.there(str(tmp_path / "pipe")) == -1


def test_a_part_says_of_which_file_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    first, part = files.read(str(path), 2, 4)
    assert (part, first["size"]) == (b"2345", 10)
    again, rest = files.read(str(path), 8, 100)
    assert (rest, again) == (b"89", first)
    path.write_bytes(b"0123456789!")
    assert files.read(str(path), 0, 1)[0]["seen"] != first["seen"]
    assert files.read("/proc/self/status", 0, 10)[1]  # a size of 0 is no size there
