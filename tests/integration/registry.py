"""A registry of images on 127.0.0.1, just enough of it to be pulled from."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Registry:
    """Serves what was pushed. `slow`: seconds that every blob takes; `account`: NAME:PASSWORD."""

    def __init__(self) -> None:
        self.slow = 0.0
        self.account = ""
        self.pulled: list[str] = []
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.host = ""

    def push(self, name: str, *layers: bytes) -> str:
        """An image of tar files under `name`, `repo:tag`; what to pull it by."""
        digests, sizes, diffs = [], [], []
        for layer in layers:
            data = gzip.compress(layer, 1, mtime=0)
            digests.append(self._keep(data))
            sizes.append(len(data))
            diffs.append(_digest(layer))
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": diffs},
        }
        text = json.dumps(config).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, "size": len(text), "digest": self._keep(text)},
            "layers": [
                {"mediaType": _LAYER, "size": size, "digest": digest}
                for size, digest in zip(sizes, digests, strict=True)
            ],
        }
        data = json.dumps(manifest).encode()
        self.manifests[name] = self.manifests[f"{name.partition(':')[0]}@{_digest(data)}"] = data
        return f"{self.host}/{name}"

    def answer(self, path: str, authorization: str) -> tuple[int, str, bytes]:
        """Status, kind and body for one request."""
        if self.account and authorization != _basic(self.account):
            return 401, "", b""
        words = path.strip("/").split("/")
        if words == ["v2"]:
            return 200, "application/json", b"{}"
        repo, kind, what = "/".join(words[1:-2]), words[-2], words[-1]
        if kind == "manifests":
            mark = "@" if what.startswith("sha256:") else ":"
            data = self.manifests.get(f"{repo}{mark}{what}")
            self.pulled.append(f"{repo}{mark}{what}")
            return (200, _MANIFEST, data) if data else (404, "application/json", _unknown())
        data = self.blobs.get(what)
        return (200, "application/octet-stream", data) if data else (404, "", b"")

    def _keep(self, data: bytes) -> str:
        self.blobs[_digest(data)] = data
        return _digest(data)


@contextmanager
def registry() -> Iterator[Registry]:
    """A running one."""
    made = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, data = made.answer(self.path, self.headers.get("Authorization") or "")
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            if kind:
                self.send_header("Content-Type", kind)
            if kind == _MANIFEST:
                self.send_header("Docker-Content-Digest", _digest(data))
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.end_headers()
            if self.command == "HEAD":
                return
            if made.slow and len(data) > 100_000:
                for at in range(0, len(data), len(data) // 20 + 1):
                    self.wfile.write(data[at : at + len(data) // 20 + 1])
                    time.sleep(made.slow / 20)
            else:
                self.wfile.write(data)

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _basic(account: str) -> str:
    return f"Basic {base64.b64encode(account.encode()).decode()}"


def _unknown() -> bytes:
    error = {"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}
    return json.dumps({"errors": [error]}).encode()
