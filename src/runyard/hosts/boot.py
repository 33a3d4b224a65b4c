"""How the supervisor gets to a machine that has nothing of ours: a Python, and one archive.

The far side is given one command. It looks for the program in its cache, by digest; when it is
not there it asks for the archive and gets it over its stdin. Then it greets, and the rest of the
stream is frames (docs/reference/supervisor-protocol.md, "Relay").
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shlex
import zlib
from functools import cache
from pathlib import Path
from typing import Any, cast

from runyard.hosts.client import Client
from runyard.hosts.launch import program
from runyard.hosts.no_python import NoPython
from runyard.hosts.order import ignore
from runyard.model.errors import NetworkError, RunyardError, SystemFault
from runyard.supervisor.relay import GREETING

IDLE = 30.0
"""Seconds without a word from us after which the far side takes the link for cut."""

PATIENCE = 30.0
"""Seconds in which the far side greets."""

_NOISE = 64 * 1024
_NO_PYTHON = "no-python"

# It passes through any login shell as one line in single quotes: so there is no single quote and
# no backslash in it, and no exclamation mark. Homes may be on NFS, where a lock may not be had.
_BOOT = """
import os, sys
def quoted(text):
    coded = "".join(chr(92) + "u%04x" % min(ord(letter), 65533) for letter in text)
    return chr(34) + coded + chr(34)
def say(code, error):
    said = "{%s: %s, %s: %s}}" % tuple(map(quoted, ("code", code, "error", error)))
    os.write(1, (greeting + said + chr(10)).encode("ascii"))
def whole(folder, files, size):
    try:
        names = [name for name in os.listdir(folder) if name[-3:] == ".py"]
        found = [os.stat(os.path.join(folder, name)).st_size for name in names]
    except OSError:
        return False
    return len(found) == files and sum(found) == size
def age(path):
    import time
    try:
        return time.time() - os.stat(path).st_mtime
    except OSError:
        return 0
def fetch(place, folder, digest, *parts):
    import ctypes, fcntl, grp, hashlib, json, pwd, resource, shutil, tempfile, zlib
    os.makedirs(place, 0o700, exist_ok=True)
    fresh = tempfile.mkdtemp(dir=place)
    os.write(1, (greeting + json.dumps({"need": True}) + "}" + chr(10)).encode("ascii"))
    packed, data = zlib.decompressobj(), b""
    while not packed.eof:
        part = os.read(0, 65536)
        if part == b"":
            sys.exit(1)
        try:
            data += packed.decompress(part)
        except zlib.error:
            raise OSError(0, "the program came damaged")
    if not hashlib.sha256(data).hexdigest() == digest:
        raise OSError(0, "another program came")
    for name, text in json.loads(data.decode("ascii")).items():
        with open(os.path.join(fresh, name), "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
    lock = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:
        pass
    old = [os.path.join(place, n) for n in os.listdir(place) if not n == os.path.basename(folder)]
    old = [path for path in old if age(path) > 60 * 86400]
    if whole(folder, *parts):
        old.append(fresh)
    else:
        if os.path.isdir(folder):
            os.rename(folder, fresh + "-old")
            old.append(fresh + "-old")
        try:
            os.rename(fresh, folder)
        except OSError:
            if not whole(folder, *parts):
                raise
            old.append(fresh)
    os.close(lock)
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
def own():
    place = "/tmp/runyard-%d" % os.geteuid()
    try:
        os.mkdir(place, 0o700)
    except OSError:
        pass
    found = os.lstat(place)
    if not found.st_mode == 0o40700 or not found.st_uid == os.geteuid():
        raise OSError(0, "is not a directory of our own with mode 0700", place)
    return place
def main(digest, files, size, *words):
    if sys.version_info < (3, 8):
        again = "import sys; code = sys.argv.pop(1); exec(code)"
        for name in ["python3.%d" % minor for minor in range(20, 7, -1)]:
            try:
                os.execvp(name, [name, "-I", "-S", "-c", again, code] + sys.argv[1:])
            except OSError:
                pass
        return say("no-python", "python3 there is %d.%d, and 3.8 is needed" % sys.version_info[:2])
    if not os.path.exists("/proc/self/stat"):
        return say("no-python", "the system there has no /proc, where processes are looked for")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "runyard", "supervisor-" + digest[:32])
    parts = int(files), int(size)
    try:
        if not whole(folder, *parts):
            try:
                fetch(os.path.dirname(folder), folder, digest, *parts)
            except OSError as error:
                if error.errno not in (1, 13, 30):
                    raise
                place = own()
                folder = os.path.join(place, os.path.basename(folder))
                if not whole(folder, *parts):
                    fetch(place, folder, digest, *parts)
    except OSError as error:
        return say("SYSTEM", "%s: %s" % (error.filename or folder, error.strerror))
    sys.argv = [folder] + list(words)
    sys.path.insert(0, folder)
    return folder
greeting = sys.argv[1]
try:
    folder = main(*sys.argv[2:])
    if folder:
        exec(compile(open(folder + "/__main__.py").read(), folder + "/__main__.py", "exec"))
except ImportError as error:
    say("no-python", "python3 there is not whole: %s" % error)
"""
_FIND = (
    'for p in "$1" python3 /usr/bin/python3 /usr/local/bin/python3; do '
    'if [ -n "$p" ] && command -v "$p" >/dev/null 2>&1; then shift; exec "$p" -I -S -c "$@"; fi; '
    'done; printf "%s\\n" "$0"'
)


def archive() -> bytes:
    """The supervisor, packed: a map of its files in JSON; the same bytes for the same sources."""
    return zlib.compress(_plain())


def words(owner: str, python: str = "") -> list[str]:
    """The command for the far side, as an argv: `sh` finds a Python, and Python our relay."""
    none = GREETING + json.dumps({"code": _NO_PYTHON, "error": "no python3 there"}) + "}"
    program = f"code = {json.dumps(_BOOT)}; exec(code)"
    relay = ["relay", owner, f"{IDLE:g}"]
    return ["sh", "-c", _FIND, none, python, program, GREETING, *_identity(), *relay]


def broken(said: str) -> NoPython:
    """The error of a Python that was found and has ended without a greeting."""
    return NoPython(f"python3 there does not start: {said}")


@cache
def _plain() -> bytes:
    paths = sorted(Path(program()).glob("*.py"))
    return json.dumps({path.name: path.read_text("utf-8") for path in paths}).encode("ascii")


@cache
def _identity() -> tuple[str, str, str]:
    """Digest of the archive; number and size of its files, to tell if they are whole."""
    sizes = [len(text.encode()) for text in json.loads(_plain()).values()]
    return hashlib.sha256(_plain()).hexdigest(), str(len(sizes)), str(sum(sizes))


def command(owner: str, python: str = "") -> str:
    """The same as one line for a remote shell."""
    return shlex.join(words(owner, python))


class Arrival(asyncio.Protocol):
    """Reads what comes before the frames, then hands the stream to `client`.

    `greeted` holds what the far side said of itself: `root`, `python`. It raises NoPython,
    SystemFault for what went wrong there, NetworkError when the stream ended before.
    """

    def __init__(self, client: Client) -> None:
        self.greeted: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.greeted.add_done_callback(ignore)  # nobody may be waiting any more
        self._client = client
        self._transport: asyncio.WriteTransport | None = None
        self._early = bytearray()
        self._through = False

    async def wait(self) -> dict[str, Any]:
        """The greeting, within PATIENCE."""
        try:
            return await asyncio.wait_for(asyncio.shield(self.greeted), PATIENCE)
        except TimeoutError:
            if self._transport is not None:
                self._transport.abort()
            raise NetworkError(f"the far side said nothing for {PATIENCE:g} s") from None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        if self._through:
            self._client.data_received(data)
            return
        self._early += data
        while not self._through and (end := self._early.find(b"\n")) >= 0:
            line = bytes(self._early[:end])
            del self._early[: end + 1]
            at = line.find(GREETING.encode())
            if at >= 0:
                self._take(line[at:])
        if len(self._early) > _NOISE:  # a message of the day has lines
            self._fail(NetworkError("the far side does not speak our protocol"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._through:
            self._client.connection_lost(exc)
            return
        said = bytes(self._early[-200:]).decode(errors="replace").strip()
        self._fail(
            NetworkError(f"the connection ended before the greeting{': ' + said * bool(said)}")
        )

    def pause_writing(self) -> None:
        if self._through:
            self._client.pause_writing()

    def resume_writing(self) -> None:
        if self._through:
            self._client.resume_writing()

    def _take(self, line: bytes) -> None:
        try:
            said = json.loads(line)["runyard"]
        except (ValueError, KeyError):
            return
        if self._transport is None:
            return
        if "need" in said:
            self._transport.write(archive())
        elif "error" in said:
            kind = NoPython if said["code"] == _NO_PYTHON else SystemFault
            self._fail(
                kind(said["error"]) if kind is NoPython else kind(said["error"], code=said["code"])
            )
        else:
            self._through = True
            self._client.connection_made(self._transport)
            if not self.greeted.done():
                self.greeted.set_result(said)
            if self._early:
                rest, self._early = bytes(self._early), bytearray()
                self._client.data_received(rest)

    def _fail(self, error: RunyardError) -> None:
        if not self.greeted.done():
            self.greeted.set_exception(error)
        if self._transport is not None:
            self._transport.close()
