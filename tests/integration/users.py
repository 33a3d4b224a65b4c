"""Ordinary users of this machine, made for tests by root and removed after them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from shutil import rmtree

import pytest

_SERIAL = count(1)


@dataclass(frozen=True, slots=True)
class User:
    """Who there is, and where."""

    name: str
    uid: int
    gid: int
    home: Path

    @classmethod
    def named(cls, name: str) -> User:
        entry = pwd.getpwnam(name)
        return cls(name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))

    @classmethod
    def myself(cls) -> User:
        return cls.named(pwd.getpwuid(os.geteuid()).pw_name)

    def processes(self) -> list[int]:
        """Process ids of everything that runs as this user; zombies do not count."""
        return [pid for pid in pids() if _owner(pid) == self.uid and _state(pid) != "Z"]


def pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def words_of(pid: int) -> list[str]:
    """The command line of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def parent_of(pid: int) -> int:
    """0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def needed(program: str) -> str:
    """The path of a program; where it is missing the test is skipped, in CI it fails."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is missing")
        pytest.skip(f"{program} is not installed")
    return found


def needed_root() -> None:
    """What needs several users cannot be tested without root; CI has it."""
    if os.geteuid() != 0:
        pytest.skip("only root can make users")


@contextmanager
def new_user(suffix: str, *, home: str = "") -> Iterator[User]:
    """A user whom nobody can be by a password; nothing of hers stays behind.

    With `home` she has that one, and it is not made.
    """
    name = f"ry{os.getpid()}{suffix}{next(_SERIAL)}"
    where = ["-M", "-d", home] if home else ["-m"]
    subprocess.run(
        [needed("useradd"), *where, "-s", "/bin/sh", "-p", "*", name],
        check=True,
        capture_output=True,
    )
    user = User.named(name)
    if not home:
        user.home.chmod(0o700)
    try:
        yield user
    finally:
        deadline = time.monotonic() + 10
        while (left := user.processes()) and time.monotonic() < deadline:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        command = [needed("userdel"), name] if home else [needed("userdel"), "-r", name]
        subprocess.run(command, check=True, capture_output=True)
        rmtree(f"/tmp/runyard-{user.uid}", ignore_errors=True)


def _owner(pid: int) -> int:
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return -1


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@contextmanager
def may_become(user: User, whom: str) -> Iterator[None]:
    """Let `user` act as `whom` by sudo, without a password."""
    needed("sudo")
    rule = Path(f"/etc/sudoers.d/runyard-{user.name}")
    rule.write_text(f"{user.name} ALL=({whom}) NOPASSWD: ALL\n")
    rule.chmod(0o440)
    try:
        yield
    finally:
        rule.unlink()


def as_user(user: User, act: Callable[[], object]) -> str:
    """Do `act` in a fork that is `user`; what it returns, as text. She may not import our files."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            os.initgroups(user.name, user.gid)
            os.setresgid(user.gid, user.gid, user.gid)
            os.setresuid(user.uid, user.uid, user.uid)
            os.environ.update(HOME=str(user.home), USER=user.name, LOGNAME=user.name)
            os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            os.chdir(user.home)
            os.write(writer, str(act()).encode())
            status = 0
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(status)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:
        said = file.read()
    os.waitpid(child, 0)
    return said
