"""Commands on a host without Python, each over an SSH channel of its own."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from runyard.hosts.become import as_user
from runyard.hosts.shell import OnOutput
from runyard.hosts.ssh.link import Link
from runyard.model.errors import HostLost, NetworkError

if TYPE_CHECKING:
    from runyard.hosts.ssh.command import Command

_DECODE: Final = 'eval "exec $(printf %b "$1")"'


class SshShell:
    """Implements `Shell` over `link`, as `user` ("" is who logs in)."""

    raw = True

    def __init__(self, link: Link, user: str) -> None:
        self._link = link
        self._user = user
        self._running: set[Command] = set()
        link.join(self)

    async def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: bytes | None,
        on_output: OnOutput,
    ) -> None:
        from runyard.hosts.ssh.channel import open_channel
        from runyard.hosts.ssh.command import Command

        if env:
            raise ValueError("a raw shell takes no environment")
        command = Command(on_output)
        await open_channel(self._link, lambda: command, one_line(as_user(self._user), argv))
        self._running.add(command)
        try:
            await command.feed(stdin or b"")
            await command.ended.wait()
        except asyncio.CancelledError:
            command.close()
            raise
        finally:
            self._running.discard(command)
        if not command.whole:
            broken = NetworkError(f"the connection to {self._link.where} broke")
            raise HostLost.of(self._link.where, broken)

    async def close(self) -> None:
        for command in list(self._running):
            command.close()
        await self._link.leave(self)


def one_line(before: Sequence[str], argv: Sequence[str]) -> str:
    """A command for any login shell that runs `argv` behind the plain words `before`.

    csh cannot read a word of several lines, and takes `!` for its history in any quotes; fish has
    a meaning for some backslashes in them. So `argv` goes coded, and a shell of theirs decodes it.
    """
    return shlex.join([*before, "sh", "-c", _DECODE, "sh", _coded(shlex.join(argv))])


def _coded(text: str) -> str:
    """For `printf %b`: printable ASCII without quotes, backslashes of its own and `!`."""
    raw = text.encode("utf-8", "surrogateescape")
    plain = (32 <= byte < 127 and byte not in b"'\\!" for byte in raw)
    return "".join(
        chr(byte) if fine else f"\\0{byte:03o}" for byte, fine in zip(raw, plain, strict=True)
    )
