"""A real HTTP server on loopback for tests, and ports that nobody listens on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        word = self.path.strip("/").partition("?")[0]
        if word == "slow":
            self.server.released.wait(30)
        if word == "hang-up":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status = int(word) if word.isdecimal() else 200
        self.send_response(status)
        if word == "moved":
            return
        reply = {
            "big": b"x" * (11 << 20),
            "latin": "é".encode("latin-1"),
            "bytes": b"a\xff\x00b",
        }.get(word, b"hello")
        if 300 <= status < 400:
            self.send_header("Location", "/landed")
            reply = b""
        kind = "text/plain; charset=latin-1" if word == "latin" else "text/plain"
        self.send_header("Content-Type", kind)
        self.send_header("Set-Cookie", "session=topsecret")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        try:
            self.wfile.write(b"" if self.command == "HEAD" else reply)
        except OSError:
            pass

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _answer


class Server(ThreadingHTTPServer):
    """Answers `/STATUS` with that status; `/slow` waits for `released`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving() -> Iterator[Server]:
    """A server for the time of a `with`."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def closed_port() -> int:
    """A port of loopback that refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def later(seconds: float, what: object) -> threading.Thread:
    """Call `what` after a while, in a thread that the test joins."""

    def go() -> None:
        time.sleep(seconds)
        what()  # type: ignore[operator]

    thread = threading.Thread(target=go)
    thread.start()
    return thread
