"""`become` over SSH: other users of the far side, on the connection of who logs in."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.model.errors import RunyardError
from tests.integration.sshd import Sshd, server
from tests.integration.sshhosts import Dispatcher, far, shell
from tests.integration.users import User, may_become, needed, needed_root
from tests.integration.yards import alive, pid_in


@pytest.fixture
def place(other_user: User) -> Iterator[Path]:
    folder = other_user.home / "place"
    folder.mkdir()
    os.chown(folder, other_user.uid, other_user.gid)
    yield folder
    shutil.rmtree(folder)


def test_steps_of_two_users_over_one_connection(
    tmp_path: Path, sshd: Sshd, other_user: User
) -> None:
    async def run() -> None:
        dispatcher = Dispatcher(tmp_path)
        ways = [dispatcher.open(sshd.host(), user) for user in ("", other_user.name)]
        await asyncio.gather(*(way.connect() for way in ways))
        ends = await asyncio.gather(
            *(way.exec(shell("id -un; pwd", f"s{n}")) for n, way in enumerate(ways))
        )
        assert [end.stdout.split() for end in ends] == [
            [sshd.user.name, str(sshd.user.home)],
            [other_user.name, str(other_user.home)],
        ]
        assert len(sshd.sessions()) == 1
        await ways[1].put(b"x", "~/hers")
        await asyncio.gather(*(way.close(done=True) for way in ways))
        assert (other_user.home / "hers").owner() == other_user.name
        (other_user.home / "hers").unlink()

    with may_become(sshd.user, other_user.name):
        asyncio.run(run())
    assert gone(other_user)


def test_cancel_and_cuts_of_another_user(
    tmp_path: Path, sshd: Sshd, other_user: User, place: Path
) -> None:
    async def run() -> None:
        async with far(tmp_path, sshd.host(), other_user.name) as (way, _):
            text = f"setsid sh -c 'echo $$ >{place}/pid; exec sleep 1000' & wait"
            task = asyncio.create_task(way.exec(shell(text, grace=1)))
            pid = await pid_in(place / "pid")
            sshd.drop()
            await asyncio.sleep(0.3)
            task.cancel()
            end = await task
            assert (end.ended_by, end.survivors) == ("cancel", 0)
            assert not alive(pid)

    with may_become(sshd.user, other_user.name):
        asyncio.run(run())
    assert gone(other_user)


def test_who_may_not_is_told_why(tmp_path: Path, sshd: Sshd, other_user: User) -> None:
    needed("sudo")

    async def run() -> None:
        with pytest.raises(RunyardError) as refused:
            async with far(tmp_path, sshd.host(), other_user.name):
                pass
        error = refused.value
        assert (error.code, error.retryable) == ("BECOME", False)
        assert "sudo: " in error.message
        assert "sudoers" in error.hint
        # The host itself is all right, and so is a second try by the one who logs in.
        async with far(tmp_path, sshd.host()) as (way, _):
            assert (await way.exec(shell("echo in"))).stdout == "in\n"

    asyncio.run(run())


def test_root_needs_no_sudo(tmp_path: Path, other_user: User) -> None:
    """Root logs in, and there is no sudo on the machine."""
    needed_root()
    tools = other_user.home / "tools"
    tools.mkdir()
    other_user.home.chmod(0o711)
    for name in ("sh", "id", "su", "python3"):
        (tools / name).symlink_to(str(shutil.which(name, path="/usr/bin:/bin")))

    async def run(sshd: Sshd) -> None:
        async with far(tmp_path, sshd.host(), other_user.name) as (way, _):
            text = 'id -un; echo "$HOME"; command -v sudo || echo none'
            said = (await way.exec(shell(text))).stdout.split("\n")
            assert said[:3] == [other_user.name, str(other_user.home), "none"]

    settings = f"PermitRootLogin yes\nSetEnv PATH={tools}"
    with server(settings, User.named("root")) as sshd, sshd.as_client():
        asyncio.run(run(sshd))
    assert gone(other_user)


def gone(user: User) -> bool:
    deadline = time.monotonic() + 10
    while user.processes() and time.monotonic() < deadline:
        time.sleep(0.02)
    return user.processes() == []
