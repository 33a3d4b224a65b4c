"""The client's side of the frames, against a peer that misbehaves."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from runyard.hosts.client import Client
from runyard.hosts.no_python import NoPython
from runyard.model.errors import (
    ArgumentError,
    FencedError,
    InternalError,
    NetworkError,
    NotFoundError,
    SystemFault,
)
from runyard.supervisor.frames import Decoder, encode


class Peer:
    """The other end of a connection, played by a test."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._decoder = Decoder()
        self._frames: list[Any] = []

    async def take(self) -> Any:
        loop = asyncio.get_running_loop()
        while not self._frames:
            data = await loop.sock_recv(self._sock, 1 << 16)
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)

    async def give(self, header: dict[str, Any], payload: bytes = b"") -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, encode(header, payload))

    def leave(self) -> None:
        self._sock.close()


def play(scene: Callable[[Client, Peer], Awaitable[None]]) -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        _, client = await asyncio.get_running_loop().create_unix_connection(Client, sock=ours)
        peer = Peer(theirs)
        try:
            await scene(client, peer)
        finally:
            peer.leave()
            await client.close()
            await client.close()

    asyncio.run(run())


def test_replies_find_their_requests_in_any_order() -> None:
    async def scene(client: Client, peer: Peer) -> None:
        first, second = client.send({"verb": "a"}), client.send({"verb": "b"}, b"payload")
        (one, _), (two, payload) = await peer.take(), await peer.take()
        assert payload == b"payload"
        await peer.give({"id": 999, "ok": {}})  # nobody asked
        await peer.give({"id": two["id"], "ok": {"n": 2}}, b"data")
        await peer.give({"id": one["id"], "exit": "x"}, json.dumps({"exit_code": 3}).encode())
        assert await second == ({"n": 2}, b"data")
        assert await first == ({"exit_code": 3}, b"")

    play(scene)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("FENCED", FencedError),
        ("NOT_FOUND", NotFoundError),
        ("SECRET_SHORT", ArgumentError),
        ("NO_PYTHON", NoPython),
        ("STALE", NetworkError),
        ("WHATEVER", InternalError),
    ],
)
def test_errors_are_of_the_tree(code: str, kind: type[Exception]) -> None:
    async def scene(client: Client, peer: Peer) -> None:
        reply = client.send({"verb": "a"})
        await peer.give({"id": 1, "error": {"code": code, "message": "because"}})
        with pytest.raises(kind, match="because"):
            await reply

    play(scene)


@pytest.mark.parametrize(
    ("hint", "told"), [("wait a little", "wait a little"), ("x" * 9999, "x" * 1000), (["x"], "")]
)
def test_a_hint_comes_along(hint: Any, told: str) -> None:
    async def scene(client: Client, peer: Peer) -> None:
        reply = client.send({"verb": "a"})
        await peer.give({"id": 1, "error": {"code": "BUSY", "message": "no", "hint": hint}})
        with pytest.raises(SystemFault) as caught:
            await reply
        assert caught.value.hint == told

    play(scene)


def test_a_broken_connection_fails_all_that_wait_and_all_that_follow() -> None:
    async def scene(client: Client, peer: Peer) -> None:
        waiting = [client.send({"verb": "a"}) for _ in range(3)]
        peer.leave()
        for reply in waiting:
            with pytest.raises(NetworkError):
                await reply
        with pytest.raises(NetworkError):
            await client.call({"verb": "b"})
        assert not client.connected

    play(scene)


def test_nonsense_ends_the_connection() -> None:
    async def scene(client: Client, peer: Peer) -> None:
        reply = client.send({"verb": "a"})
        await asyncio.get_running_loop().sock_sendall(peer._sock, b"\xff" * 100)
        with pytest.raises(NetworkError):
            await reply

    play(scene)


def test_a_cancelled_request_is_forgotten() -> None:
    async def scene(client: Client, peer: Peer) -> None:
        reply = client.send({"verb": "a"})
        reply.cancel()
        await peer.give({"id": 1, "ok": {}})
        await peer.give({"id": 2, "ok": {"fine": True}})
        assert (await client.call({"verb": "b"}))[0] == {"fine": True}

    play(scene)


def test_too_large_a_request_is_refused_here() -> None:
    async def scene(client: Client, _peer: Peer) -> None:
        with pytest.raises(ArgumentError):
            await client.call({"verb": "start", "env": {"X": "x" * (5 << 20)}})

    play(scene)


def test_output_goes_to_whoever_follows() -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        seen: list[tuple[int, bytes]] = []
        _, client = await asyncio.get_running_loop().create_unix_connection(
            lambda: Client(lambda header, data: seen.append((header["offset"], data))), sock=ours
        )
        peer = Peer(theirs)
        reply = client.send({"verb": "attach"})
        await peer.give({"output": "a", "stream": 1, "offset": 7, "at": 0}, b"text")
        await peer.give({"id": 1, "ok": {}})
        await reply
        assert seen == [(7, b"text")]
        peer.leave()
        await client.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "wrong",
    [
        {"stream": 3},
        {"stream": True},
        {"offset": -1},
        {"offset": 1 << 64},
        {"offset": 1.5},
        {"at": "now"},
        {"at": None},
        {"output": ["a"]},
    ],
)
def test_output_that_is_none_ends_the_connection(wrong: dict[str, Any]) -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        seen: list[Any] = []
        _, client = await asyncio.get_running_loop().create_unix_connection(
            lambda: Client(lambda *output: seen.append(output)), sock=ours
        )
        peer, reply = Peer(theirs), client.send({"verb": "attach"})
        said = encode({"output": "a", "stream": 1, "offset": 0, "at": 0, **wrong}, b"text")
        said += encode({"id": 1, "ok": {}})
        await asyncio.get_running_loop().sock_sendall(theirs, said)
        with pytest.raises(NetworkError):
            await reply
        assert seen == []
        peer.leave()
        await client.close()

    asyncio.run(run())


@pytest.mark.parametrize("wrong", [{"pid": None}, {"now": "late"}, {"now": 1e999}])
def test_an_odd_introduction_is_a_broken_connection(wrong: dict[str, Any]) -> None:
    async def scene(client: Client, peer: Peer) -> None:
        hello = asyncio.ensure_future(client.hello("run", 1))
        asked, _ = await peer.take()
        ok = {"pid": 1, "started": 1, "incarnation": "x", "now": 1.0}
        await peer.give({"id": asked["id"], "ok": {**ok, **wrong}})
        with pytest.raises(NetworkError):
            await hello

    play(scene)


def test_output_is_dated_by_our_clock() -> None:
    """The one at the host is an hour slow: what it dates is put where it belongs."""

    async def run() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        dates: list[int] = []
        loop = asyncio.get_running_loop()
        _, client = await loop.create_unix_connection(
            lambda: Client(lambda header, _: dates.append(header["at"])), sock=ours
        )
        peer, slow = Peer(theirs), time.time() - 3600
        hello = asyncio.ensure_future(client.hello("run", 1))
        asked, _ = await peer.take()
        ok = {"pid": 1, "started": 1, "incarnation": "x", "now": slow}
        await peer.give({"id": asked["id"], "ok": ok})
        await hello
        at = int(slow * 1000)
        await peer.give({"output": "a", "stream": 1, "offset": 0, "at": at}, b"x")
        while not dates:
            await asyncio.sleep(0)
        assert abs(dates[0] - time.time() * 1000) < 600_000
        peer.leave()
        await client.close()

    asyncio.run(run())
