"""Files and facts of this machine through the connector."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from runyard.hosts.local import LocalConnector
from runyard.model.errors import ArgumentError, NotFoundError, SystemFault
from runyard.model.execution import Exec


async def whole(host: LocalConnector, src: str) -> bytes:
    return b"".join([part async for part in host.get(src)])


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


def test_put_get_stat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    host = LocalConnector(tmp_path / "home", "me")
    assert run(host.put(b"data", "a", mode=0o600)).changed
    assert not run(host.put(b"data", "a")).changed
    assert run(whole(host, "a")) == b"data"
    found = run(host.stat("a"))
    assert (found.kind, found.size, found.mode, found.sha256) == ("file", 4, 0o600, "")
    assert len(run(host.stat(str(tmp_path / "a"), digest=True)).sha256) == 64
    assert run(host.stat("none")) is None
    assert run(host.probe())["os"] == os.uname().sysname.lower()


def test_failures_are_of_the_tree(tmp_path: Path) -> None:
    host = LocalConnector(tmp_path / "home", "me")
    with pytest.raises(NotFoundError):
        run(whole(host, str(tmp_path / "none")))
    with pytest.raises(SystemFault):
        run(host.put(b"", str(tmp_path)))
    with pytest.raises(ArgumentError):
        run(host.put(b"", str(tmp_path / "a"), owner="no-such-user-here"))


def test_stdin_is_bounded(tmp_path: Path) -> None:
    async def attempt() -> None:
        host = LocalConnector(tmp_path / "home", "me")
        try:
            await host.exec(Exec("run-1/s/h/1", ("cat",), stdin=bytes((64 << 20) + 1)))
        finally:
            await host.close()

    with pytest.raises(ArgumentError):
        run(attempt())


def test_closing_twice_and_unconnected(tmp_path: Path) -> None:
    async def closes() -> None:
        host = LocalConnector(tmp_path / "home", "me")
        await host.close()
        await host.connect()
        await host.connect()
        await host.close()
        await host.close()

    run(closes())
