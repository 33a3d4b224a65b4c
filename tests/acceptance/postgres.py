"""A private PostgreSQL server for one test: its own folder, port, password, and user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "a-password-for-this-test"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `env` is what psql needs to reach it."""

    port: int
    env: dict[str, str]

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Execute a statement; returns what it printed."""
        return subprocess.run(
            ["psql", "-v", "ON_ERROR_STOP=1", "-Atqc", statement, database],
            env={**os.environ, **self.env},
            check=True,
            capture_output=True,
            text=True,
        ).stdout


def tools() -> Path | None:
    """The folder of initdb and postgres, or None when PostgreSQL is not installed."""
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if (found := shutil.which("initdb")) is not None:
        places.append(Path(found).resolve().parent)
    usable = (place for place in places if (place / "postgres").exists())
    return next(usable, None) if shutil.which("psql") else None


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Start a server in a folder below /tmp; stop it and remove the folder at the end."""
    home = Path(tempfile.mkdtemp(prefix="runyard-pg-", dir="/tmp"))
    try:
        prefix = _as_other_user(home)
        (home / "password").write_text(PASSWORD)
        (home / "password").chmod(0o644)
        subprocess.run(
            [*prefix, folder / "initdb", "-D", home / "data", "-U", "postgres", "--no-sync",
             "--auth=scram-sha-256", "--encoding=UTF8", f"--pwfile={home / 'password'}"],
            check=True, capture_output=True, cwd=home,
        )  # fmt: skip
        process, port = _start(prefix, folder, home)
        try:
            yield Server(
                port,
                {
                    "PGHOST": "127.0.0.1",
                    "PGPORT": str(port),
                    "PGUSER": "postgres",
                    "PGPASSWORD": PASSWORD,
                },
            )
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    finally:
        shutil.rmtree(home)


def _as_other_user(home: Path) -> list[str]:
    """A command prefix: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(home, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _start(prefix: list[str], folder: Path, home: Path) -> tuple[subprocess.Popen[bytes], int]:
    """PostgreSQL cannot choose a port itself; should ours be taken meanwhile, take another."""
    for _ in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        process = subprocess.Popen(
            [*prefix, folder / "postgres", "-D", home / "data", "-p", str(port), "-k", home,
             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
            cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return process, port
    raise RuntimeError("PostgreSQL did not start")
