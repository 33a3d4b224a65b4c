"""Files over a door: in parts, several at once, taken up again where a broken connection left."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from runyard.hosts.client import Client, Reply
from runyard.hosts.order import ignore
from runyard.hosts.source import Source
from runyard.model.connector import Put
from runyard.model.errors import NetworkError, SystemFault

WHOLE = 256 << 10
"""Bytes up to which a file goes in one frame with everything else."""

AHEAD = 8
_SMALLEST, _LARGEST = 16 << 10, 1 << 20
_QUICK, _SLOW = 0.2, 1.0


class Pace:
    """How large parts are: a link that is slow must not be full of them, others use it too."""

    def __init__(self) -> None:
        self.size = 64 << 10

    def took(self, seconds: float) -> None:
        """A part came through, `seconds` after it was asked for or sent."""
        if seconds < _QUICK:
            self.size = min(_LARGEST, self.size * 2)
        elif seconds > _SLOW:
            self.size = max(_SMALLEST, self.size // 2)


class _Window:
    """Requests under way, in order. The oldest one is waited for; an error ends all."""

    def __init__(self, client: Client, pace: Pace) -> None:
        self._client = client
        self._pace = pace
        self._sent: deque[tuple[float, asyncio.Future[Reply]]] = deque()

    def __len__(self) -> int:
        return len(self._sent)

    def send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        self._sent.append((time.monotonic(), self._client.send(header, payload)))

    async def first(self) -> Reply:
        sent, reply = self._sent.popleft()
        try:
            done = await reply
        except BaseException:
            reply.add_done_callback(ignore)
            raise
        self._pace.took(time.monotonic() - sent)
        return done

    def close(self) -> None:
        for _, reply in self._sent:
            reply.add_done_callback(ignore)
        self._sent.clear()


class Sender:
    """One file on its way to `dest`. `run` is called again, with a new client, after a cut."""

    def __init__(self, source: Source, dest: str, mode: int | None, owner: str | None) -> None:
        self.progress = 0
        self._source = source
        self._dest = dest
        self._rights = {"mode": mode, "owner": owner}
        self._token = secrets.token_hex(16)
        self._digest = hashlib.sha256()
        self._hashed = 0
        self._begun = False
        self._unsure = False  # an answer got lost that may have told of a change

    async def run(self, client: Client) -> Put:
        """Bring it there if it differs. Raises NetworkError, and what the host says.

        When a link broke before the answer, it is told as changed.
        """
        done = await self._bring(client)
        return replace(done, changed=True) if self._unsure else done

    async def _bring(self, client: Client) -> Put:
        size, about = self._source.size, {"dest": self._dest, **self._rights}
        if size <= WHOLE:
            data = await self._source.read(0, size)
            return Put(**await self._alter(client, {"verb": "put", **about}, data))
        if not self._begun:
            reply, _ = await client.call({"verb": "put", **about, "size": size})
            if reply["there"] == size:
                digest = await self._source.digest()
                ask = {"verb": "put", **about, "size": size, "sha256": digest}
                reply = await self._alter(client, ask)
                if "changed" in reply:
                    return Put(**reply)
        try:
            await self._send(client, await self._have(client))
            commit = {"verb": "commit", "token": self._token, "size": size, **self._rights}
            reply, _ = await client.call({**commit, "sha256": self._digest.hexdigest()})
        except NetworkError:
            raise
        except BaseException:
            if client.connected:
                gone = client.send({"verb": "abandon", "token": self._token})
                gone.add_done_callback(ignore)
            raise
        return Put(**reply)

    async def _alter(
        self, client: Client, header: dict[str, Any], data: bytes = b""
    ) -> dict[str, Any]:
        """Ask for what is not remembered over there, and so would not be told a second time."""
        sent = client.connected
        try:
            return (await client.call(header, data))[0]
        except NetworkError:
            self._unsure |= sent
            raise

    async def _have(self, client: Client) -> int:
        """How much of it is there already."""
        if not self._begun:
            return 0
        ask = {"verb": "part", "token": self._token, "dest": self._dest, "offset": 0}
        reply, _ = await client.call(ask)
        self.progress = max(self.progress, int(reply["have"]))
        return int(reply["have"])

    async def _send(self, client: Client, offset: int) -> None:
        self._begun = True
        pace = Pace()  # of a connection: a new one may be slower
        window = _Window(client, pace)
        header = {"verb": "part", "token": self._token, "dest": self._dest}
        try:
            while offset < self._source.size or window:
                if len(window) >= AHEAD or offset >= self._source.size:
                    reply, _ = await window.first()
                    self.progress = max(self.progress, int(reply["have"]))
                    continue
                data = await self._source.read(offset, pace.size)
                window.send({**header, "offset": offset}, data)
                end = offset + len(data)
                if end > self._hashed:
                    self._digest.update(data[self._hashed - offset :])
                    self._hashed = end
                offset = end
            self._source.check()
        finally:
            window.close()


class Reader:
    """One file on its way here. `parts` is called again, with a new client, after a cut."""

    def __init__(self, src: str) -> None:
        self.progress = 0
        self._src = src
        self._seen = ""

    async def parts(self, client: Client) -> AsyncIterator[bytes]:
        """What is still to come, in order. Raises NetworkError, and what the host says."""
        pace, size, asked = Pace(), -1, self.progress
        window = _Window(client, pace)
        lengths: deque[int] = deque()
        try:
            while True:
                while len(window) < AHEAD and (asked < size or not window):
                    lengths.append(pace.size)
                    about = {"verb": "get", "src": self._src, "offset": asked}
                    window.send({**about, "length": lengths[-1]})
                    asked += lengths[-1]
                reply, data = await window.first()
                size = int(reply["size"])
                if self._seen not in ("", reply["seen"]):
                    raise SystemFault(f"{self._src} changed while it was read", code="CHANGED")
                self._seen = reply["seen"]
                self.progress += len(data)
                if data:
                    yield data
                if len(data) < lengths.popleft():
                    return
        finally:
            window.close()
