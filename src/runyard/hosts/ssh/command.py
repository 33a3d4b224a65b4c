"""One command in a channel: stdin in, both outputs out, as they come."""

from __future__ import annotations

import asyncio
from typing import Final

import asyncssh

from runyard.hosts.shell import OnOutput

_PART: Final = 1 << 18


class Command(asyncssh.SSHClientSession[bytes]):
    """A session whose output goes to `on_output`.

    Attributes:
        ended: set when the channel is closed.
        whole: True when the far side has said how the command ended, and so all of its output.
    """

    def __init__(self, on_output: OnOutput) -> None:
        self.ended = asyncio.Event()
        self.whole = False
        self._on_output = on_output
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._on_output(1 if datatype is None else 2, data)

    def eof_received(self) -> bool:
        return True  # its stdin may still be open

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def exit_status_received(self, status: int) -> None:
        self.whole = True

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self.whole = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()
        self._writable.set()

    async def feed(self, data: bytes) -> None:
        """Write all of its stdin, no faster than the far side takes it, and end it."""
        channel = self._channel
        try:
            for at in range(0, len(data), _PART):
                await self._writable.wait()
                if channel is None or self.ended.is_set():
                    return
                channel.write(data[at : at + _PART])
            if channel is not None:
                channel.write_eof()
        except OSError:  # it has ended without reading it
            return

    def close(self) -> None:
        """Let go of it; it may go on."""
        if self._channel is not None:
            self._channel.close()
