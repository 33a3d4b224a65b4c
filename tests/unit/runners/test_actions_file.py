"""file.copy and file.fetch with real files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from runyard.hosts.local import LocalConnector
from runyard.model.action import Work
from runyard.model.errors import ArgumentError, NotFoundError, SystemFault
from runyard.runners.actions.file import FileCopy, FileFetch
from runyard.runners.params import resolve_args
from tests.unit.runners.fake import FakeConnector, do


def test_copy_changes_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    args = {"src": "a.txt", "dest": str(tmp_path / "b.txt"), "mode": "0640"}
    first = do(FileCopy(), args, base=tmp_path)
    again = do(FileCopy(), args, base=tmp_path)
    assert (first.changed, again.changed) == (True, False)
    assert (tmp_path / "b.txt").read_text() == "one"
    assert (tmp_path / "b.txt").stat().st_mode & 0o777 == 0o640
    assert first.data == again.data
    assert first.data["size"] == 3 and len(first.data["sha256"]) == 64


def test_copy_sees_a_changed_content_and_a_changed_mode(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    args = {"src": "a.txt", "dest": str(tmp_path / "b.txt"), "mode": 600}
    do(FileCopy(), args, base=tmp_path)
    (tmp_path / "b.txt").chmod(0o644)
    assert do(FileCopy(), args, base=tmp_path).changed
    (tmp_path / "b.txt").write_text("two")
    assert do(FileCopy(), args, base=tmp_path).changed


def test_copy_into_a_directory_keeps_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "there").mkdir()
    outcome = do(FileCopy(), {"src": "a.txt", "dest": str(tmp_path / "there")}, base=tmp_path)
    assert outcome.data["dest"] == str(tmp_path / "there" / "a.txt")
    assert (tmp_path / "there" / "a.txt").read_text() == "one"


def test_copy_of_nothing_and_of_a_directory(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as missing:
        do(FileCopy(), {"src": "gone", "dest": "/x"}, base=tmp_path)
    assert "workflow file" in missing.value.hint
    with pytest.raises(ArgumentError, match="is a directory"):
        do(FileCopy(), {"src": ".", "dest": "/x"}, base=tmp_path)


def test_fetch_changes_once(tmp_path: Path) -> None:
    (tmp_path / "far").write_text("one")
    (tmp_path / "far").chmod(0o640)
    args = {"src": str(tmp_path / "far"), "dest": "deep/er/near"}
    first = do(FileFetch(), args, base=tmp_path)
    assert first.changed
    near = tmp_path / "deep" / "er" / "near"
    assert near.read_text() == "one" and near.stat().st_mode & 0o777 == 0o640
    assert not do(FileFetch(), args, base=tmp_path).changed
    assert do(FileFetch(), {**args, "mode": 600}, base=tmp_path).changed
    assert near.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in near.parent.iterdir()) == ["near"]


def test_fetch_into_a_directory_keeps_hosts_apart(tmp_path: Path) -> None:
    (tmp_path / "far.log").write_text("one")
    args = {"src": str(tmp_path / "far.log"), "dest": "logs/"}
    do(FileFetch(), args, base=tmp_path)
    assert (tmp_path / "logs" / "here" / "far.log").read_text() == "one"


def test_fetch_of_nothing_and_of_a_directory(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file on here: /gone"):
        do(FileFetch(), {"src": "/gone", "dest": "x"}, base=tmp_path)
    with pytest.raises(ArgumentError, match="is a directory on here"):
        do(FileFetch(), {"src": str(tmp_path), "dest": "x"}, base=tmp_path)


def test_an_owner_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "far").write_text("one")
    args = {"src": str(tmp_path / "far"), "dest": "near", "owner": "no-such-user-x"}
    with pytest.raises(SystemFault, match="no such user or group"):
        do(FileFetch(), args, base=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["far"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner_by_number(tmp_path: Path) -> None:
    (tmp_path / "far").write_text("one")
    args = {"src": str(tmp_path / "far"), "dest": "near", "owner": "1234:4321"}
    do(FileFetch(), args, base=tmp_path)
    there = (tmp_path / "near").stat()
    assert (there.st_uid, there.st_gid) == (1234, 4321)


class Torn(FakeConnector):
    """Its files are written to while they are read, or never end."""

    def __init__(self, *, ends: bool) -> None:
        super().__init__()
        self.ends = ends

    async def get(self, src: str) -> AsyncIterator[bytes]:
        yield b"something else"
        if not self.ends:
            self.running.set()
            await asyncio.Event().wait()


def test_what_changes_while_it_is_fetched_is_refused(tmp_path: Path) -> None:
    (tmp_path / "far").write_text("new")
    (tmp_path / "near").write_text("old")
    args = {"src": str(tmp_path / "far"), "dest": "near"}
    with pytest.raises(SystemFault, match="changed on here") as changed:
        do(FileFetch(), args, Torn(ends=True), base=tmp_path)
    assert changed.value.code == "CHANGED"
    assert (tmp_path / "near").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["far", "near"]


def test_a_cancelled_fetch_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "far").write_text("new")
    (tmp_path / "near").write_text("old")
    args = {"src": str(tmp_path / "far"), "dest": "near"}

    async def go() -> None:
        host = Torn(ends=False)
        work = Work("run-00000001/s/here/1", "here", host, _args(args), base=tmp_path)
        task = asyncio.ensure_future(FileFetch().run(work))
        await host.running.wait()
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(go())
    assert (tmp_path / "near").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["far", "near"]


def _args(args: dict[str, str]) -> dict[str, Any]:
    return resolve_args(FileFetch.params, args)


def test_fetch_and_copy_follow_links(tmp_path: Path) -> None:
    """On this machine as it is: what is at a path is told without following it."""
    (tmp_path / "file").write_text("one")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "place").mkdir()
    (tmp_path / "way").symlink_to("place")
    host = LocalConnector(tmp_path / "home", "me")
    args = {"src": str(tmp_path / "link"), "dest": "near"}
    outcomes = [do(FileFetch(), args, host, base=tmp_path) for _ in range(2)]
    assert [outcome.changed for outcome in outcomes] == [True, False]
    assert outcomes[0].data == outcomes[1].data
    assert (tmp_path / "near").read_text() == "one" and not (tmp_path / "near").is_symlink()
    copied = do(FileCopy(), {"src": "file", "dest": str(tmp_path / "way")}, host, base=tmp_path)
    assert copied.changed and (tmp_path / "place/file").read_text() == "one"
    copied = do(FileCopy(), {"src": "near", "dest": str(tmp_path / "link")}, host, base=tmp_path)
    assert not copied.changed and (tmp_path / "link").is_symlink()
