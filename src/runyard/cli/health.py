"""What runyard needs from this machine, checked by doing it."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sqlite3
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from runyard.model.errors import RunyardError
from runyard.model.light import dataclass
from runyard.store.home import Home

OK, WARNING, BROKEN = "ok", "warning", "broken"
_SQLITE = (3, 35, 0)
_MB = 1 << 20
_RELEASED = 1_767_225_600


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `fix` says what to do, when there is something to do."""

    name: str
    state: str
    detail: str
    fix: str = ""


async def examine() -> list[Finding]:
    """All checks, in order; none of them raises."""
    home = Home.default()
    return [
        _python(),
        _state(home),
        _space(home),
        _sqlite(),
        *await _supervisor(),
        _cgroup(),
        _files(),
        _clock(),
        _terminal(),
    ]


def _python() -> Finding:
    found = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    if platform.python_implementation() != "CPython":
        return Finding("python", WARNING, found, "use CPython: others are not tested")
    return Finding("python", OK, found)


def _state(home: Home) -> Finding:
    name, where = "state directory", str(home.root)
    try:
        home.prepare()
        probe = home.root / f".doctor-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
        mode = home.root.stat().st_mode & 0o777
    except (OSError, RunyardError) as error:
        text = error.message if isinstance(error, RunyardError) else str(error)
        return Finding(
            name, BROKEN, text, "make it writable, or set RUNYARD_STATE to a directory that is"
        )
    if mode & 0o077:
        return Finding(name, WARNING, f"{where}, mode {mode:04o}", f"chmod 700 {where}")
    return Finding(name, OK, where)


def _space(home: Home) -> Finding:
    where = home.root
    while not where.exists() and where != where.parent:
        where = where.parent
    try:
        free = shutil.disk_usage(where).free
    except OSError as error:
        return Finding("free space", WARNING, str(error))
    fix = "make room, or `runyard prune --older-than 30d`"
    if free < 16 * _MB:
        return Finding("free space", BROKEN, f"{free // _MB} MB", fix)
    if free < 512 * _MB:
        return Finding("free space", WARNING, f"{free // _MB} MB", fix)
    return Finding("free space", OK, f"{free // _MB} MB")


def _sqlite() -> Finding:
    found = f"{sqlite3.sqlite_version}, thread safety {sqlite3.threadsafety}"
    fix = "use a Python that is built with SQLite 3.35 or newer"
    if sqlite3.sqlite_version_info < _SQLITE:
        return Finding("sqlite", BROKEN, found, fix)
    with TemporaryDirectory(prefix="runyard-doctor-") as folder:
        try:
            database = sqlite3.connect(Path(folder) / "wal.db")
            mode = database.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            database.close()
        except sqlite3.Error as error:
            return Finding("sqlite", BROKEN, f"{found}: {error}", fix)
    if mode != "wal":
        return Finding("sqlite", WARNING, f"{found}, no WAL here", "use a local file system")
    return Finding("sqlite", OK, found)


async def _supervisor() -> list[Finding]:
    """Start one, run a tree that leaves an orphan behind, see that it is found and ended."""
    from runyard.hosts.local import LocalConnector
    from runyard.model.execution import Exec

    orphan = "(setsid sleep 300 >/dev/null 2>&1 &) ; echo here"
    with TemporaryDirectory(prefix="runyard-doctor-", ignore_cleanup_errors=True) as state:
        connector = LocalConnector(Path(state), "doctor")
        began = time.monotonic()
        try:
            await connector.connect()
            started = time.monotonic() - began
            exit = await connector.exec(
                Exec("doctor-run/probe/local/1", ("sh", "-c", orphan), timeout=20.0, grace=1.0)
            )
        except (RunyardError, OSError) as error:
            fix = "see that the directory for temporary files can be written, then run doctor again"
            return [Finding("supervisor", BROKEN, str(error), fix)]
        finally:
            await connector.close()
    if not exit.ok or exit.stdout != "here\n":
        text = f"a shell ended by {exit.ended_by}: {exit.error or exit.stderr}"
        return [Finding("supervisor", BROKEN, text, "see that sh is installed and in PATH")]
    found = [Finding("supervisor", OK, f"started in {started * 1000:.0f} ms")]
    if exit.swept and not exit.survivors:
        return [*found, Finding("process sweep", OK, "an orphan was found and ended")]
    text = f"an orphan was not found: {exit.swept} swept, {exit.survivors} survived"
    return [*found, Finding("process sweep", BROKEN, text, "Linux 3.4 or newer with /proc mounted")]


def _cgroup() -> Finding:
    from runyard.supervisor.cgroup import Cgroups

    group = Cgroups().make({"memory": 64 * _MB, "processes": 64})
    if group is None:
        return Finding(
            "cgroup",
            WARNING,
            "none can be made: limits are held by rlimits and by measuring the tree",
            "run as root, or under `systemd-run --user --scope -p Delegate=yes`",
        )
    held = ", ".join(group.held)
    group.remove()
    return Finding("cgroup", OK, f"can hold {held}")


def _files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = f"{soft} (hard limit {hard})"
    if soft < 256:
        return Finding("open files", BROKEN, found, "ulimit -n 4096")
    if soft < 1024:
        return Finding("open files", WARNING, found, "ulimit -n 4096, for many steps at once")
    return Finding("open files", OK, found)


def _clock() -> Finding:
    now = time.time()
    shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    if now < _RELEASED:
        return Finding("clock", WARNING, shown, "set the clock: runs are ordered by time")
    return Finding("clock", OK, shown)


def _terminal() -> Finding:
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        return Finding("encoding", WARNING, sys.stdout.encoding or "none", "export LANG=C.UTF-8")
    return Finding("encoding", OK, "UTF-8")
