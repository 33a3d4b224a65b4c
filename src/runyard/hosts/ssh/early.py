"""Connections that are made while asyncssh is still being loaded.

Loading it takes as long as a server takes to receive us; so the two are done at once. It is worth
a try and no more: whatever goes wrong here is done again, and told, in the usual way.
"""

from __future__ import annotations

import asyncio
import glob
import os
import shlex
import socket
from collections import Counter
from typing import Final

from runyard.hosts.ssh.target import Target

CONFIGS: Final = ("~/.ssh/config", "/etc/ssh/ssh_config")
_FOLDERS: Final = ("~/.ssh", "/etc/ssh")
"""What a relative Include is relative to: the first in the user's file, the other in the global."""
IDLE: Final = frozenset(
    ("host", "sendenv", "hashknownhosts", "gssapiauthentication", "stricthostkeychecking")
)
"""Settings that change nothing here, as those that a distribution comes with."""

_NO_PLACE: Final = IDLE | {
    "identityfile", "identitiesonly", "user", "userknownhostsfile", "loglevel", "forwardagent"
}  # fmt: skip


class Early:
    """Connects to servers as soon as their names are known, to no more than `most` each."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._begun: Counter[tuple[str, int]] = Counter()
        self._plain: bool | None = None

    async def connect(self, target: Target) -> socket.socket | None:
        """A connected socket, or None when that cannot be known to be right, or fails."""
        place = (target.host, target.port or 22)
        if target.jump or self._begun[place] >= self._most or not self._is_plain():
            return None
        self._begun[place] += 1
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(*place, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # the latter: it can be no name of a host
            return None
        if len(found) != 1:  # several addresses are tried in turn, and this is not the place
            return None
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
        except BaseException as error:
            sock.close()
            if isinstance(error, OSError):
                return None
            raise
        return sock

    def _is_plain(self) -> bool:
        """True when no configuration of ssh can lead us elsewhere."""
        if self._plain is None:
            paths = [os.path.expanduser(path) for path in CONFIGS]
            self._plain = all(has_only(_NO_PLACE, path) for path in paths)
        return self._plain


def has_only(settings: frozenset[str], path: str) -> bool:
    """True when the configuration at `path` consists of `settings`, or is not there."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.readlines(1 << 16)
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    for line in lines:
        if line.lstrip().startswith("#"):
            continue
        try:
            words = shlex.split(line.replace("=", " ", 1))
        except ValueError:
            return False
        if not words or words[0].lower() in settings:
            continue
        if words[0].lower() != "include" or any(_is_there(word) for word in words[1:]):
            return False
    return True


def _is_there(pattern: str) -> bool:
    """Whether an Include of `pattern` may find a file."""
    path = os.path.expanduser(pattern)
    return any(glob.glob(os.path.join(os.path.expanduser(each), path)) for each in _FOLDERS)
