"""The verbs about files, without a process around them."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runyard.supervisor import transfers
from runyard.supervisor.aside import Aside
from runyard.supervisor.loop import Loop
from runyard.supervisor.refusal import Refusal
from runyard.supervisor.transfers import Transfers


class Peer:
    """What a transfer needs of a door."""

    def __init__(self) -> None:
        self.on_leave: dict[object, Callable[[], None]] = {}

    def leave(self) -> None:
        for call in list(self.on_leave.values()):
            call()
        self.on_leave.clear()


class Bench:
    def __init__(self, home: Path) -> None:
        self.errors: list[BaseException] = []
        self.loop = Loop(self.errors.append)
        self.verbs = Transfers(self.loop, str(home))
        self.peer = Peer()

    def send(self, verb: str, payload: bytes = b"", **header: Any) -> list[Any]:
        """The answers, which come when the loop runs."""
        answers: list[Any] = []

        def answer(reply: Any, error: BaseException | None) -> None:
            answers.append(error if error is not None else reply)

        self.verbs.table[verb](self.peer, header, payload, answer)  # type: ignore[arg-type]
        return answers

    def ask(self, verb: str, payload: bytes = b"", **header: Any) -> Any:
        answers = self.send(verb, payload, **header)
        self.run(lambda: bool(answers))
        return answers[0]

    def run(self, finished: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        tick: Callable[[], None] = lambda: self.loop.after(0.01, tick) and None  # noqa: E731
        tick()
        self.loop.run(lambda: finished() or time.monotonic() > deadline)
        assert finished() and not self.errors


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def end(data: bytes) -> dict[str, Any]:
    return {"token": "t", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def temporary(folder: Path) -> list[Path]:
    return list(folder.glob(".runyard-*"))


def test_parts_one_after_the_other(bench: Bench, tmp_path: Path) -> None:
    assert bench.ask("put", dest="a", size=6)[0] == {"there": -1}
    first = bench.send("part", b"abc", token="t", dest="a", offset=0)
    second = bench.send("part", b"def", token="t", dest="a", offset=3)
    bench.run(lambda: bool(first and second))
    assert (first[0][0], second[0][0]) == ({"have": 3}, {"have": 6})
    assert bench.verbs.busy
    done = bench.ask("commit", mode=0o600, **end(b"abcdef"))[0]
    assert done == bench.ask("commit", mode=0o600, **end(b"abcdef"))[0]
    assert (tmp_path / "a").read_bytes() == b"abcdef"
    assert not bench.verbs.busy and temporary(tmp_path) == []
    assert bench.ask("put", dest="a", size=6)[0] == {"there": 6}
    sha256 = end(b"abcdef")["sha256"]
    assert not bench.ask("put", dest="a", size=6, sha256=sha256)[0]["changed"]
    assert bench.ask("put", dest="a", size=6, sha256=sha256, mode=0o644)[0]["changed"]
    assert bench.ask("put", dest="a", size=6, sha256="other")[0] == {"there": 6}


def test_parts_out_of_order_and_of_nothing(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(Refusal):
        bench.send("part", b"abc", token="t", dest="a", offset=3)
    with pytest.raises(Refusal):
        bench.send("commit", **end(b""))
    assert temporary(tmp_path) == []
    bench.ask("part", b"abc", token="t", dest="a", offset=0)
    with pytest.raises(Refusal):
        bench.send("part", b"abc", token="t", dest="a", offset=0)
    assert isinstance(bench.ask("commit", **end(b"abcd")), Refusal)
    bench.run(lambda: temporary(tmp_path) == [])


def test_what_is_abandoned_goes(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    waiting = [
        bench.send("part", bytes(1 << 20), token="t", dest="a", offset=n << 20) for n in range(3)
    ]
    bench.ask("abandon", token="t")
    bench.run(lambda: all(waiting) and not bench.verbs.busy)
    assert isinstance(waiting[-1][0], Refusal)
    assert temporary(tmp_path) == [] and (tmp_path / "a").read_bytes() == b"old"
    bench.ask("abandon", token="t")


def test_who_comes_back_goes_on(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.ask("part", b"abc", token="t", dest="a", offset=0)
    old, bench.peer = bench.peer, Peer()
    assert bench.ask("part", token="t", dest="a", offset=0)[0] == {"have": 3}
    new, bench.peer = bench.peer, old
    with pytest.raises(Refusal):  # the old one brings more, late
        bench.send("part", b"def", token="t", dest="a", offset=3)
    old.leave()
    bench.peer = new
    bench.ask("part", b"def", token="t", dest="a", offset=3)
    assert bench.ask("commit", **end(b"abcdef"))[0]["changed"]
    monkeypatch.setattr(transfers, "KEEP", 0.05)
    bench.ask("part", b"abc", token="u", dest="b", offset=0)
    bench.peer.leave()
    bench.run(lambda: not bench.verbs.busy)
    assert temporary(tmp_path) == []


def test_no_more_than_a_few_are_half_there(bench: Bench, tmp_path: Path) -> None:
    for n in range(transfers.MOST):
        bench.send("part", token=str(n), dest=f"a{n}", offset=0)
    with pytest.raises(Refusal):
        bench.send("part", token="one more", dest="b", offset=0)
    bench.verbs.end()
    bench.run(lambda: not bench.verbs.busy)
    assert temporary(tmp_path) == []


def test_one_file_in_order_and_others_beside_it(tmp_path: Path) -> None:
    errors: list[BaseException] = []
    loop = Loop(errors.append)
    aside = Aside(loop)
    reader, writer = os.pipe()
    seen: list[str] = []

    def then(name: str) -> Callable[[Any, BaseException | None], None]:
        return lambda result, error: seen.append(f"{name} {error or result}")

    aside.do("a", lambda: os.read(reader, 1).decode(), then("first"))
    aside.do("a", lambda: "x", then("second"))
    aside.do("b", lambda: 1 / 0, then("other"))
    loop.run(lambda: bool(seen))
    assert seen == ["other division by zero"] and aside.busy
    os.write(writer, b"y")
    loop.run(lambda: len(seen) == 3)
    assert seen[1:] == ["first y", "second x"] and not aside.busy and not errors


def test_a_disk_that_hangs_holds_only_who_waits_for_it(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file system of the network does whose server is gone."""
    loop, touched = threading.get_ident(), []
    dest, data = str(tmp_path / "file"), b"data"
    with monkeypatch.context() as patch:
        for name in ("open", "stat", "lstat", "rename", "unlink"):

            def call(*words: Any, real: Any = getattr(os, name), **more: Any) -> Any:
                if threading.get_ident() == loop:
                    touched.append((real, words))
                return real(*words, **more)

            patch.setattr(os, name, call)
        asked = [
            bench.send("put", size=4, dest=dest),
            bench.send("part", data, token="t", offset=0, dest=dest),
            bench.send("commit", **end(data)),
            bench.send("part", token="u", offset=0, dest=dest),
            bench.send("abandon", token="u"),
            bench.send("put", data, dest=dest),
            bench.send("stat", path=dest, digest=True),
            bench.send("get", src=dest),
        ]
    bench.run(lambda: all(asked))
    assert touched == []
    assert [type(answer) for (answer,) in asked] == [tuple] * 3 + [Refusal] + [tuple] * 4
