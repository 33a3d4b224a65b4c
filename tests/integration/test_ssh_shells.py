"""Hosts by SSH whose Python does not start, or whose users have a login shell of another kind."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runyard.hosts import boot
from runyard.model.execution import Exit
from tests.integration.sshd import Sshd, server
from tests.integration.sshhosts import far, shell
from tests.integration.users import needed, needed_root, new_user


@pytest.fixture
def fish_or_csh(request: pytest.FixtureRequest) -> Iterator[Sshd]:
    """A server whose user has that login shell."""
    needed_root()
    found = needed(request.param)
    with new_user("c") as user:
        subprocess.run(["usermod", "-s", found, user.name], check=True)
        with server("", user) as sshd, sshd.as_client():
            yield sshd


@pytest.mark.parametrize("fish_or_csh", ["tcsh", "csh", "fish"], indirect=True)
def test_without_python_under_another_login_shell(
    tmp_path: Path, fish_or_csh: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = boot._FIND.replace("python3 /usr/bin/python3 /usr/local/bin/python3", "no-such-python")
    monkeypatch.setattr(boot, "_FIND", find)

    async def run() -> None:
        async with far(tmp_path, fish_or_csh.host()) as (way, _):
            work = shell('echo "$A"; cat; exit 3', stdin=b"in!\n", env={"A": "b'c!\\d\ne"})
            end = await way.exec(work)
            assert (end.exit_code, end.stdout) == (3, "b'c!\\d\ne\nin!\n")
            assert any("no python3" in warning for warning in end.warnings)
            assert (await way.put(b"data", "~/it's!")).changed
            assert b"".join([part async for part in way.get("~/it's!")]) == b"data"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("echo libpython3.so: cannot open >&2; exit 127", "libpython3.so: cannot open"),
        ("exit 9", "it ended with code 9"),
    ],
)
def test_a_python_that_does_not_start_is_none(
    tmp_path: Path, sshd: Sshd, text: str, why: str
) -> None:
    python = sshd.user.home / "python"
    python.write_text(f"#!/bin/sh\n{text}\n")
    python.chmod(0o755)
    host = replace(sshd.host(), options={**sshd.host().options, "python": str(python)})

    async def run() -> Exit:
        async with far(tmp_path, host) as (way, _):
            return await way.exec(shell("echo out"))

    end = asyncio.run(run())
    assert end.stdout == "out\n"
    assert any(f"python3 there does not start: {why}: " in each for each in end.warnings)
