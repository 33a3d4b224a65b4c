"""WebSockets as uvicorn speaks them, for requests that make no sense, too."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from runyard.agent.protocol import PEERS

_REFUSAL = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class AnsweringProtocol(WebSocketsSansIOProtocol):
    """Answers a head that cannot be read, such as one of too long lines, and ends the connection.

    Without that the peer, who need not have shown a token, could keep it for ever.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.logger = PEERS

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        unread = self.conn.handshake_exc is not None and not self.handshake_initiated
        if unread and not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()) or _REFUSAL)
            self.transport.close()
