"""HTTP as uvicorn reads it, with bounds for what nobody asked for: heads, trailers, late bodies."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 << 10
"""Bytes of the request line and all headers; of all trailers; of one framing word in between."""

HEAD_TIME = 30.0
"""Seconds for them to come."""

LATE_TIME = 5.0
"""Seconds in which the body of a request that was answered may still end."""

_PIECE = 16 << 10

PEERS = logging.getLogger("runyard.agent.peers")
"""What peers do wrong, who need not have shown a token; its level says whether it is told."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection that has more to send than a request and its body.

    Nobody was let in yet when a head is read, and all of it is kept. A body is bounded by who
    reads it, trailers and the framing of chunks by nobody else.
    """

    _timer: asyncio.TimerHandle | None = None
    _in_head = True
    _whole = True  # the request has come to its end
    _answered = False  # before that
    _piece = 0  # bytes that the parser was just given
    _loose = 0  # bytes of the head, or since the parser last made something of what came
    _trailers = 0

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.logger = PEERS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            self._feed(data[start : start + _PIECE])
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._whole = self._answered = False
        self._begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            super().on_header(name, value)
            return
        # A trailer. Nobody reads them, and what is in them was never shown to the application.
        self._loose = 0
        if not self._trailers:
            self._arm(HEAD_TIME)
        self._trailers += len(name) + len(value) + 4
        if self._trailers > MOST_HEAD:
            self._refuse("The trailers of the request are too large.")

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._loose = 0
        self._disarm()
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """The parser has read the size of a chunk."""
        self._loose = 0

    def on_body(self, body: bytes) -> None:
        self._loose = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._whole = True
        self._loose = 0
        self._disarm()
        super().on_message_complete()
        if self._answered:  # what came after the answer has ended the time for a next request
            self._answered = False
            self._keep_alive()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and not self._whole and not self._in_head:
            self._answered = True
            self._arm(LATE_TIME)

    # -- inside -------------------------------------------------------------------------------

    def _feed(self, piece: bytes) -> None:
        self._piece = len(piece)
        self._loose += len(piece)
        super().data_received(piece)
        if self._loose > MOST_HEAD:
            self._refuse("The head of the request is too large.")

    def _begin(self) -> None:
        self._loose, self._trailers, self._in_head = self._piece, 0, True
        self._arm(HEAD_TIME)

    def _keep_alive(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, why: str) -> None:
        """Say so, unless an answer is under way, and close."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not (self._in_head and cycle.response_complete):
            if cycle.response_started:
                self.transport.close()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self.send_400_response(why)


def websocket_protocol(**given: Any) -> asyncio.Protocol:
    """uvicorn's WebSocket; loaded with the first door, as it is 2 MB."""
    from runyard.agent.websocket import AnsweringProtocol

    return AnsweringProtocol(**given)
