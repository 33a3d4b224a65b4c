"""A real HTTP receiver on loopback that remembers what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """`url` to post to; `bodies` that were posted, in order; `failures`: posts to refuse first."""

    def __init__(self, failures: int = 0) -> None:
        self.bodies: list[Any] = []
        self.failures = failures
        self.url = ""


@contextmanager
def receiver(failures: int = 0) -> Iterator[Receiver]:
    """Answers GET with 200 and POST with 201 (503 for the first `failures`)."""
    kept = Receiver(failures)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if kept.failures > 0:
                kept.failures -= 1
                self._answer(503)
                return
            kept.bodies.append(json.loads(body))
            self._answer(201)

        def _answer(self, code: int) -> None:
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        kept.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield kept
        finally:
            http.shutdown()
            thread.join()
