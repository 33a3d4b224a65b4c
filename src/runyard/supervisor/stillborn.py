"""A supervisor that cannot start says why to whoever waits at its socket, and ends."""

from __future__ import annotations

import os

from .refusal import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

AWAITED = 10.0
"""Seconds in which whoever has started it comes."""


def tell(listener: socket.socket, path: str, error: BaseException) -> None:
    """Answer all that come to `listener` at `path` with `error`, as a frame without an id.

    NO_PYTHON when a module is missing; it needs none itself.
    """
    code, text = "NO_SUPERVISOR", "the supervisor cannot start: %s: %s"
    text %= type(error).__name__, error
    if isinstance(error, ImportError):
        code, text = "NO_PYTHON", "python3 there is not whole: %s" % error
    head = '{"error": {"code": "%s", "message": %s}}' % (code, quoted(text))
    frame = (4 + len(head)).to_bytes(4, "big") + len(head).to_bytes(4, "big") + head.encode()
    try:
        listener.settimeout(AWAITED)
        while True:
            door, _ = listener.accept()
            with door:
                door.sendall(frame)
            listener.settimeout(0.0)  # others that have come as well
    except OSError:
        pass
    finally:
        os.unlink(path)
