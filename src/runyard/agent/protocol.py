"""HTTP as uvicorn reads it, with a bound for what comes before the body."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 << 10
"""Bytes of the request line and all headers."""

HEAD_TIME = 30.0
"""Seconds for them to come."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose head does not end: nobody was let in yet, and it is all kept."""

    _head = 0
    _in_head = True
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > MOST_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._disarm()
        super().on_headers_complete()

    def _begin(self) -> None:
        self._disarm()
        self._head, self._in_head = 0, True
        self._timer = self.loop.call_later(HEAD_TIME, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def websocket_protocol(**given: Any) -> asyncio.Protocol:
    """uvicorn's WebSocket; loaded with the first door, as it is 2 MB."""
    from runyard.agent.websocket import AnsweringProtocol

    return AnsweringProtocol(**given)
