"""A real OpenSSH server on 127.0.0.1, with host keys, a user and a client's files of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from runyard.hosts.inventory import Host
from tests.integration.relays import root_of
from tests.integration.users import User, needed, new_user, parent_of, pids, words_of

STARTS = 10.0


class Sshd:
    """One server; `user` may log in with `key`.

    `client` is a home directory for who connects: `.ssh/known_hosts` knows the server. `extra`
    are more settings for the next start.
    """

    def __init__(self, folder: Path, user: User, settings: str = "") -> None:
        self.folder = folder
        self.user = user
        self.client = folder / "client"
        self.known_hosts = self.client / ".ssh" / "known_hosts"
        self.config = self.client / ".ssh" / "config"
        self.key = new_key(folder / "key")
        self.host_key = new_key(folder / "host_key")
        self.port = free_port()
        self.extra = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.known_hosts.parent.mkdir(parents=True, mode=0o700)
        self.trust()
        allow(user, self.key, folder)

    @property
    def address(self) -> str:
        return f"ssh://{self.user.name}@127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """For a client: its home, and nobody else's agent."""
        return {"HOME": str(self.client), "SSH_AUTH_SOCK": ""}

    @contextmanager
    def as_client(self) -> Iterator[None]:
        """This process is in the client's place."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            yield

    def host_line(self, key: Path | None = None, name: str = "") -> str:
        """A line of known_hosts for this server."""
        public = (key or self.host_key).with_suffix(".pub").read_text().split()
        return f"{name or f'[127.0.0.1]:{self.port}'} {public[0]} {public[1]}\n"

    def trust(self) -> None:
        """Let the client know this server, and no other."""
        self.known_hosts.write_text(self.host_line())
        self.known_hosts.chmod(0o600)

    def fresh(self) -> None:
        """The client knows this server and has no configuration, as at the beginning.

        Nor does the far side remember runs of other tests, which had the same name.
        """
        self.trust()
        self.config.unlink(missing_ok=True)
        rmtree(root_of(self.user.home) / "fences", ignore_errors=True)

    def host(self, name: str = "far", **options: Any) -> Host:
        """As in an inventory, with the key."""
        return Host(name, self.address, options={"identity": str(self.key), **options})

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is not None:
            return
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        (self.folder / "sshd_config").write_text(self._config())
        self._process = subprocess.Popen(
            [needed("sshd"), "-D", "-E", self.folder / "log", "-f", self.folder / "sshd_config"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + STARTS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise RuntimeError(f"sshd did not start: {self.log()}")

    def sessions(self) -> list[int]:
        """Process ids of the server's side of every connection."""
        if self._process is None:
            return []
        return [pid for pid in pids() if parent_of(pid) == self._process.pid]

    def drop(self) -> None:
        """Kill every connection; the server stays."""
        _kill(self.sessions())

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The connections that there are stand still: neither an answer nor an end."""
        still = _serving(self.sessions())
        for pid in still:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in still:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """Kill the server and its connections; what was started through them goes on."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGSTOP)  # it takes nobody any more
        sessions = self.sessions()
        self._process.kill()
        _kill(sessions)
        self._process.wait()
        self._process = None

    def log(self) -> str:
        with suppress(FileNotFoundError):
            return (self.folder / "log").read_text()
        return ""

    def logins(self) -> int:
        """How many connections have been let in so far."""
        return self.log().count("Accepted publickey")

    def _config(self) -> str:
        return f"""\
Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.host_key}
PidFile none
AuthorizedKeysFile .ssh/authorized_keys {self.folder}/authorized_keys-%u
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
LogLevel VERBOSE
{self.extra}
"""


@contextmanager
def server(settings: str = "", user: User | None = None) -> Iterator[Sshd]:
    """A running server for an ordinary user; as root she is made, else it is who runs the tests."""
    needed("sshd")
    with ExitStack() as stack:
        if user is None:
            root = os.geteuid() == 0
            user = stack.enter_context(new_user("s")) if root else User.myself()
        folder = Path(tempfile.mkdtemp(prefix="runyard-sshd-", dir="/tmp"))
        stack.callback(_remove, folder)
        sshd = Sshd(folder, user, settings)
        stack.callback(sshd.stop)
        sshd.start()
        yield sshd


def new_key(path: Path, *, passphrase: str = "", kind: str = "ed25519") -> Path:
    """A new private key at `path`, its public half beside it."""
    path.unlink(missing_ok=True)
    subprocess.run(
        [needed("ssh-keygen"), "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", path],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path


def allow(user: User, key: Path, folder: Path) -> None:
    """Let `user` in with `key`."""
    allowed = folder / f"authorized_keys-{user.name}"
    with allowed.open("a") as file:
        file.write(key.with_suffix(".pub").read_text())
    allowed.chmod(0o644)
    folder.chmod(0o755)


def free_port() -> int:
    """A port that nobody listens at: sshd cannot choose one itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _remove(folder: Path) -> None:
    """Remove it, though a connection that is being killed may still write its log."""
    for _ in range(50):
        with suppress(OSError):
            rmtree(folder)
            return
        time.sleep(0.02)
    rmtree(folder)


def _kill(sessions: list[int]) -> None:
    """Kill the server's processes of these connections, and nothing that they have started."""
    for pid in _serving(sessions):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _serving(sessions: list[int]) -> list[int]:
    """sshd itself is in two processes for each connection, one of them without rights."""
    found = [one for session in sessions for one in (session, *_children(session))]
    return [pid for pid in found if "sshd" in (words_of(pid) or [""])[0]]


def _children(pid: int) -> list[int]:
    return [one for one in pids() if parent_of(one) == pid]
