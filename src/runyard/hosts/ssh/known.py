"""Files of known hosts, as OpenSSH keeps them."""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import hmac
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from runyard.model.errors import SystemFault
from runyard.model.light import dataclass

SSH_PORT: Final = 22
_LONGEST: Final = 64 << 20
_MARKERS: Final = ("@cert-authority", "@revoked")


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A line of a file: `marker` is empty, `@cert-authority` or `@revoked`; `data` is base64."""

    path: str
    line: int
    marker: str
    kind: str
    data: str

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"


class KnownHosts:
    """What some files know; the first is the one that new hosts are added to.

    A file that is missing knows nobody; a line that makes no sense is passed over, as by ssh.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self._files = [Path(file).expanduser() for file in files]
        self._plain: dict[str, list[KnownKey]] = {}
        self._others: list[tuple[str, KnownKey]] = []
        for path in self._files:
            for patterns, key in _read(path):
                self._keep(patterns, key)

    def find(self, name: str) -> list[KnownKey]:
        """The keys of a host by the name that `name_of` gives it, in the order of the files."""
        name = name.lower()
        found = [*self._plain.get(name, ())]
        return found + [key for patterns, key in self._others if _matches(name, patterns)]

    def add(self, name: str, kind: str, data: str) -> None:
        """Remember a key; several at once, here or in other processes, write it once.

        Raises:
            SystemFault: `KNOWN_HOSTS`: it cannot be written.
        """
        if not self._files or str(self._files[0]) == os.devnull:
            return
        path = self._files[0]
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            with open(os.open(path, flags, 0o600), "r+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                text = file.read(_LONGEST) or b""
                newline = b"" if text.endswith(b"\n") or not text else b"\n"
                fresh = KnownHosts(())
                for patterns, key in _lines(str(path), text):
                    fresh._keep(patterns, key)
                if not any((key.kind, key.data) == (kind, data) for key in fresh.find(name)):
                    _write(file.fileno(), newline + f"{name} {kind} {data}\n".encode())
        except OSError as error:
            raise SystemFault(
                f"the host key cannot be remembered: {path}: {error.strerror}",
                code="KNOWN_HOSTS",
                hint="make the file writable, or name another with the host's `known_hosts`",
                retryable=False,
            ) from error
        line = (text + newline).count(b"\n") + 1
        self._keep(name, KnownKey(str(path), line, "", kind, data))

    def _keep(self, patterns: str, key: KnownKey) -> None:
        if any(mark in patterns for mark in "*?|!"):
            self._others.append((patterns, key))
            return
        for pattern in patterns.lower().split(","):
            self._plain.setdefault(pattern, []).append(key)


def name_of(host: str, port: int = SSH_PORT) -> str:
    """How files of known hosts name `host`: `[host]:port` unless the port is the usual one."""
    return host.lower() if port == SSH_PORT else f"[{host.lower()}]:{port}"


def fingerprint(data: str) -> str:
    """`SHA256:…` of a key in base64, as `ssh-keygen -l` shows it."""
    digest = hashlib.sha256(base64.b64decode(data)).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _read(path: Path) -> Iterator[tuple[str, KnownKey]]:
    try:
        with open(path, "rb") as file:
            text = file.read(_LONGEST)
    except OSError:
        return
    yield from _lines(str(path), text)


def _lines(path: str, text: bytes) -> Iterator[tuple[str, KnownKey]]:
    """(patterns, key) of each line."""
    for number, raw in enumerate(text.decode(errors="replace").split("\n"), 1):
        words = raw.split()
        marker = words.pop(0) if words and words[0] in _MARKERS else ""
        if len(words) < 3 or words[0].startswith(("#", "@")):
            continue
        try:
            base64.b64decode(words[2], validate=True)
        except ValueError:
            continue
        yield words[0], KnownKey(path, number, marker, words[1], words[2])


def _write(fd: int, line: bytes) -> None:
    """Add a line whole, or none of it."""
    size = os.fstat(fd).st_size
    try:
        written = os.write(fd, line)
        if written < len(line):
            raise OSError(28, os.strerror(28))
    except OSError:
        os.ftruncate(fd, size)
        raise


def _matches(name: str, patterns: str) -> bool:
    if patterns.startswith("|"):
        return _is_hash_of(name, patterns)
    found = False
    for pattern in patterns.lower().split(","):
        if _wildcard(pattern.removeprefix("!")).fullmatch(name):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _is_hash_of(name: str, pattern: str) -> bool:
    """`|1|salt|hash`: HMAC-SHA1 of the name."""
    parts = pattern.split("|")
    if len(parts) != 4 or parts[1] != "1":
        return False
    try:
        salt, digest = (binascii.a2b_base64(part) for part in parts[2:])
    except binascii.Error:
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)


def _wildcard(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."))
