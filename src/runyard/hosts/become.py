"""Another user of this machine: a supervisor that runs as that user, reached through `sudo -n`."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Final

from runyard.hosts import boot
from runyard.hosts.client import Client
from runyard.hosts.inventory import Host
from runyard.hosts.launch import base_environment
from runyard.hosts.remote import RemoteConnector
from runyard.hosts.site import Site
from runyard.model.action import Work
from runyard.model.errors import NetworkError, SystemFault, UsageError
from runyard.model.result import Outcome

_TOLD: Final = 4096
_LEAVE: Final = 2.0

# Decided where it runs: who is that user already needs nobody's leave, and root may have no sudo.
_AS: Final = (
    'u=$1; shift; [ "$(id -un)" = "$u" ] && exec "$@"; '
    'command -v sudo >/dev/null 2>&1 && exec sudo -n -H -u "$u" -- "$@"; '
    '[ "$(id -u)" = 0 ] && exec su -s /bin/sh -c "exec \\"\\$@\\"" -- "$u" sh "$@"; '
    'echo "sudo is not installed" >&2; exit 1'
)


class UserDialer:
    """Starts relays as `user`. Implements `Dialer`."""

    def __init__(self, user: str, run_id: str, python: str = "") -> None:
        self._user = user
        self._words = boot.words(run_id, python)
        self._relays: list[asyncio.subprocess.Process] = []

    async def dial(self, client: Client) -> None:
        argv = [*as_user(self._user), *self._words]
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                relay = await asyncio.create_subprocess_exec(
                    *argv,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=asyncio.subprocess.PIPE,
                    env=base_environment(),
                    cwd="/",
                )
        except OSError as error:
            ours.close()
            raise SystemFault(f"become: {argv[0]}: {error.strerror}") from error
        self._relays.append(relay)
        arrival = boot.Arrival(client)
        await asyncio.get_running_loop().create_unix_connection(lambda: arrival, sock=ours)
        try:
            await arrival.wait()
        except NetworkError:
            raise no_become(self._user, await _told(relay)) from None

    async def perform(self, action: str, work: Work) -> Outcome | None:
        return None

    async def socket(self, path: str) -> str:
        return path

    async def close(self) -> None:
        for relay in self._relays:
            # Its stream is closed, so that it ends by itself; who is root need not rely on that.
            try:
                await asyncio.wait_for(relay.wait(), _LEAVE)
            except TimeoutError:
                _end(relay)
        self._relays.clear()


def open_user(host: Host, user: str, site: Site) -> RemoteConnector:
    """The way to this machine as `user`."""
    dialer = UserDialer(user, site.run_id, str(host.options.get("python", "")))
    return RemoteConnector(host.name, dialer, site.output, site.run_id, site.epoch)


def as_user(user: str) -> list[str]:
    """The words before a command that is to run as `user`, here or on another machine.

    They never ask for a password; "" is who we are there, and takes no words.

    Raises:
        UsageError: it is no name of a user.
    """
    if not user:
        return []
    if user.startswith("-") or "\0" in user or "\n" in user:
        raise UsageError(f"become: {user!r} is no name of a user", code="BECOME")
    return ["sh", "-c", _AS, "sh", user]


def no_become(user: str, told: str) -> SystemFault:
    """The error of a change of user that was not allowed."""
    return SystemFault(
        f"become: cannot act as {user}: {told or 'no reason was given'}",
        code="BECOME",
        hint=f"allow it without a password (sudoers: `NAME ALL=({user}) NOPASSWD: ALL`), "
        f"or connect as {user}",
        retryable=False,
    )


def _end(relay: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError, PermissionError):
        relay.terminate()


async def _told(relay: asyncio.subprocess.Process) -> str:
    """The last of what went to stderr."""
    _end(relay)
    if relay.stderr is None:
        return ""
    try:
        said = await asyncio.wait_for(relay.stderr.read(_TOLD), 2.0)
    except TimeoutError:
        return ""
    return said.decode(errors="replace").strip().rpartition("\n")[2]
