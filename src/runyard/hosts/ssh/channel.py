"""A channel of SSH as a transport of asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import asyncssh

from runyard.hosts.ssh.faults import lost
from runyard.hosts.ssh.link import Link
from runyard.model.errors import NetworkError, SystemFault

WINDOW: Final = 8 << 20
"""Bytes that the server may send before we have read them; bounds what a channel keeps here."""

FULL: Final = 5.0
"""Seconds in which a server that refuses a channel may be done with earlier ones."""

_PAUSE: Final = 0.1
_TOLD: Final = 4096


class Stream(asyncssh.SSHClientSession[bytes]):
    """One command at the far side: its stdout goes to `protocol`, its stderr is remembered.

    Attributes:
        told: the last of stderr.
        status: the command's exit code, once it has ended.
        ended: set when the channel is closed.
    """

    def __init__(self, protocol: asyncio.Protocol, distrust: Callable[[], None]) -> None:
        self.told = b""
        self.status: int | None = None
        self.ended = asyncio.Event()
        self._protocol = protocol
        self._distrust = distrust
        self._transport: ChannelTransport | None = None

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._transport = ChannelTransport(chan, self._protocol, self._distrust)
        self._protocol.connection_made(self._transport)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype is None:
            self._protocol.data_received(data)
        else:
            self.told = (self.told + data)[-_TOLD:]

    def exit_status_received(self, status: int) -> None:
        self.status = status

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()
        if self._transport is not None:
            self._transport.lose(exc)

    @property
    def last_words(self) -> str:
        """The last line of stderr."""
        return self.told.decode(errors="replace").strip().rpartition("\n")[2]


class ChannelTransport(asyncio.Transport):
    """Writes to a channel, and tells the protocol once that it is over."""

    def __init__(
        self,
        channel: asyncssh.SSHClientChannel[bytes],
        protocol: asyncio.Protocol,
        distrust: Callable[[], None],
    ) -> None:
        super().__init__()
        self._channel = channel
        self._protocol = protocol
        self._distrust = distrust
        self._lost = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        try:
            self._channel.write(bytes(data))
        except OSError:  # closed meanwhile; the protocol is told, or has been
            pass

    def close(self) -> None:
        """Pass on what was written, then leave; nobody waits for the far side to agree."""
        if not self._lost:
            self._channel.close()
            asyncio.get_running_loop().call_soon(self.lose, None)

    def abort(self) -> None:
        """Leave somebody who does not answer."""
        if not self._lost:
            self._distrust()
            self._channel.abort()
            asyncio.get_running_loop().call_soon(self.lose, None)

    def lose(self, exc: Exception | None) -> None:
        """The channel is gone. Idempotent."""
        if not self._lost:
            self._lost = True
            self._protocol.connection_lost(exc)

    def is_closing(self) -> bool:
        return self._lost or self._channel.is_closing()

    def pause_reading(self) -> None:
        self._channel.pause_reading()

    def resume_reading(self) -> None:
        self._channel.resume_reading()

    def get_write_buffer_size(self) -> int:
        return self._channel.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._channel.get_extra_info(name, default)


async def open_channel(
    link: Link, session: Callable[[], asyncssh.SSHClientSession[bytes]], command: str
) -> None:
    """Run `command` in a channel of its own: bytes, no terminal.

    Raises:
        NetworkError, SystemFault: as of `Link.connection`; `SSH_CHANNEL` when it is refused.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + FULL
    while True:
        connection = await link.connection()
        try:
            async with asyncio.timeout(link.patience):
                await connection.create_session(
                    session,
                    command,
                    request_pty=False,
                    x11_forwarding=False,
                    send_env=None,  # the far side's environment is its own
                    encoding=None,
                    window=WINDOW,
                )
            return
        except TimeoutError as error:
            link.drop()
            raise NetworkError(f"{link.where} does not answer") from error
        except asyncssh.ChannelOpenError as error:
            if connection.is_closed():
                raise lost(error, link.where) from error
            if loop.time() > give_up:
                raise _refused(link, error) from error
        except (asyncssh.Error, OSError) as error:
            raise lost(error, link.where) from error
        await asyncio.sleep(_PAUSE)


def _refused(link: Link, error: asyncssh.ChannelOpenError) -> SystemFault:
    return SystemFault(
        f"{link.where} refuses another session: {error.reason}",
        code="SSH_CHANNEL",
        hint="sshd allows MaxSessions of them in one connection",
        retryable=False,
    )
