"""Other users of this machine: real ones, with and without the right to be them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.hosts.become import UserDialer, open_user
from runyard.hosts.inventory import Host
from runyard.hosts.site import Site
from runyard.model.connector import Connector
from runyard.model.errors import RunyardError, UsageError
from tests.integration.sshhosts import RUN, shell
from tests.integration.users import User, as_user, may_become, needed, needed_root, new_user
from tests.integration.yards import alive, pid_in


@pytest.fixture
def me(tmp_path: Path) -> Iterator[User]:
    """An ordinary user with a state home of her own."""
    needed_root()
    with new_user("m") as user:
        yield user


def open_as(user: str, state: Path) -> Connector:
    return open_user(Host("here"), user, Site(state, RUN))


async def says(user: str, state: Path, text: str) -> str:
    way = open_as(user, state)
    try:
        await way.connect()
        end = await way.exec(shell(text))
        assert end.ok, end
        return end.stdout
    finally:
        await way.close(done=True)


async def refusal(user: str, state: Path) -> str:
    """Code and message of the error of becoming `user`."""
    way = open_as(user, state)
    try:
        await way.connect()
    except RunyardError as error:
        return f"{error.code} {error.retryable} {error.message}"
    finally:
        await way.close()
    return "no error"


def test_root_becomes_somebody(tmp_path: Path, other_user: User) -> None:
    needed("sudo")
    text = 'id -un; echo "$HOME"; pwd; echo "$LOGNAME"; echo "${SUDO_USER-}"'
    said = asyncio.run(says(other_user.name, tmp_path, text)).split("\n")
    home = str(other_user.home)
    assert said[:4] == [other_user.name, home, home, other_user.name]


def test_root_becomes_somebody_without_sudo(
    tmp_path: Path, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = other_user.home / "bin"
    tools.mkdir()
    for name in ("sh", "id", "su", "python3"):
        (tools / name).symlink_to(str(shutil.which(name, path="/usr/bin:/bin")))
    monkeypatch.setenv("PATH", f"{tools}")
    other_user.home.chmod(0o711)
    text = 'id -un; echo "$HOME"; pwd; echo "$LOGNAME"'
    said = asyncio.run(says(other_user.name, tmp_path, text)).split("\n")
    home = str(other_user.home)
    assert said[:4] == [other_user.name, home, home, other_user.name]


def test_nothing_is_left_after_cancel(tmp_path: Path, other_user: User) -> None:
    """Root may signal everybody, and the supervisor of the user all of her processes."""
    folder = other_user.home / "place"
    folder.mkdir()
    os.chown(folder, other_user.uid, other_user.gid)

    async def run() -> None:
        way = open_as(other_user.name, tmp_path)
        await way.connect()
        text = f"setsid sh -c 'echo $$ >{folder}/pid; exec sleep 1000' & wait"
        task = asyncio.create_task(way.exec(shell(text, grace=1)))
        pid = await pid_in(folder / "pid")
        assert os.stat(f"/proc/{pid}").st_uid == other_user.uid
        task.cancel()
        end = await task
        assert (end.ended_by, end.survivors) == ("cancel", 0)
        assert not alive(pid)
        await way.close(done=True)

    try:
        asyncio.run(run())
    finally:
        shutil.rmtree(folder)
    assert gone(other_user)


def test_files_are_those_of_the_user(tmp_path: Path, other_user: User) -> None:
    async def run() -> None:
        way = open_as(other_user.name, tmp_path)
        await way.connect()
        await way.put(b"hello", "~/a-file", mode=0o600)
        stat = await way.stat("~/a-file")
        assert stat is not None
        assert (stat.owner, stat.mode) == (other_user.name, 0o600)
        assert b"".join([part async for part in way.get("~/a-file")]) == b"hello"
        with pytest.raises(RunyardError) as denied:
            await way.put(b"x", "/etc/no-business-here")
        assert denied.value.code == "PERMISSION"
        await way.close(done=True)

    asyncio.run(run())
    (other_user.home / "a-file").unlink()


@pytest.mark.parametrize("home", ["/nonexistent-home", "/etc"])
def test_a_user_who_may_not_write_in_her_home(tmp_path: Path, home: str) -> None:
    """Users of services are like that."""
    needed_root()
    needed("sudo")
    with new_user("h", home=home) as user:
        said = asyncio.run(says(user.name, tmp_path, "id -un; pwd"))
        assert said.split() == [user.name, home if home == "/etc" else "/"]
        assert asyncio.run(refusal(user.name, tmp_path)) == "no error"  # all is there now
        assert (Path(f"/tmp/runyard-{user.uid}").stat().st_mode & 0o777) == 0o700
        assert gone(user)


def test_a_directory_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    needed_root()
    needed("sudo")
    with new_user("h", home="/nonexistent-home") as user:
        Path(f"/tmp/runyard-{user.uid}").mkdir(0o777)
        said = asyncio.run(refusal(user.name, tmp_path))
        assert "is not a directory of our own" in said


def test_an_ordinary_user_with_the_right(me: User, other_user: User) -> None:
    """Also that all ends where the relay is sudo's child, which we may not signal."""
    state = me.home / "state"
    asyncio.run(says(other_user.name, me.home / "root-state", "true"))  # all is imported now

    def act() -> str:
        started = time.monotonic()
        said = asyncio.run(says(other_user.name, state, "id -un"))
        return f"{said.strip()} {time.monotonic() - started < 20}"

    with may_become(me, other_user.name):
        assert as_user(me, act) == f"{other_user.name} True"
    assert gone(other_user)


def test_an_ordinary_user_without_the_right(me: User, other_user: User) -> None:
    needed("sudo")
    asyncio.run(says(other_user.name, me.home / "root-state", "true"))
    said = as_user(me, lambda: asyncio.run(refusal(other_user.name, me.home / "state")))
    assert said.startswith(f"BECOME False become: cannot act as {other_user.name}: sudo: ")


def test_a_user_becomes_herself_without_asking_anybody(me: User, other_user: User) -> None:
    asyncio.run(says(other_user.name, me.home / "root-state", "true"))
    said = as_user(me, lambda: asyncio.run(says(me.name, me.home / "state", "id -un")))
    assert said.strip() == me.name


def test_nobody_of_that_name(tmp_path: Path) -> None:
    needed_root()
    said = asyncio.run(refusal("nobody-has-this-name", tmp_path))
    assert said.startswith("BECOME False become: cannot act as nobody-has-this-name: ")
    assert "nobody-has-this-name" in said.partition(": ")[2]


@pytest.mark.parametrize("name", ["-u", "a\nb"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(UsageError, match="no name of a user"):
        asyncio.run(UserDialer(name, RUN).dial(None))  # type: ignore[arg-type]


def test_what_may_not_be_signalled_is_reported(me: User, tmp_path: Path) -> None:
    """A step leaves a process of root behind: the user's supervisor cannot end it, and says so."""
    left = f'setsid sh -c "echo \\$\\$ >{tmp_path}/pid; exec sleep 1000" >/dev/null 2>&1 &'

    async def run() -> None:
        way = open_as(me.name, tmp_path / "state")
        await way.connect()
        task = asyncio.create_task(
            way.exec(shell(f"sudo -n sh -c '{left}'; sleep 1000", grace=0.5))
        )
        pid = await pid_in(tmp_path / "pid")
        task.cancel()
        try:
            end = await task
            assert (end.ended_by, end.survivors) == ("cancel", 1)
            assert alive(pid)
        finally:
            os.kill(pid, signal.SIGKILL)
            await way.close(done=True)

    with may_become(me, "root"):
        asyncio.run(run())


def gone(user: User) -> bool:
    deadline = time.monotonic() + 10
    while user.processes() and time.monotonic() < deadline:
        time.sleep(0.02)
    return user.processes() == []
