"""What a run knows of its containers, and where it writes what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from runyard.hosts.dummy import DummyConnector
from runyard.model.action import Work
from runyard.model.errors import ArgumentError, StoreError
from runyard.model.execution import Exit
from runyard.runners.docker.book import Book, unfinished
from runyard.runners.docker.exits import exit_of
from runyard.runners.docker.mark import home_id, home_of, known_id
from runyard.runners.docker.orders import OUTPUT, Orders
from runyard.runners.docker.sink import Sink, secrets_of
from runyard.runners.docker.usage import Usage

A = "run-00000001/s/local/1"


def test_pages(tmp_path: Path) -> None:
    book = Book(tmp_path / "output")
    assert book.entry(A).begun == 0.0
    at = book.begin(A, "unix:///d", 3.0)
    assert (book.entry(A).begun, book.entry(A).daemon, book.entry(A).grace) == (at, "unix:///d", 3)
    assert book.entry(A).base is None
    book.start(A, {"stdout": 0, "stderr": 7})
    book.lose(A, {"stdout": 5, "stderr": 0})
    book.order(A)
    page = book.entry(A)
    assert (page.base, page.lost) == ({"stdout": 0, "stderr": 7}, {"stdout": 5, "stderr": 0})
    assert page.ordered >= at
    assert list(unfinished(book.folder)) == [A]
    exit = Exit(3, None, "exit", stdout="x", warnings=("w",), exports={"K": 1})
    book.end(A, exit, {"image": "i"})
    assert book.entry(A).exit == exit
    assert book.entry(A).data == {"image": "i"}
    assert unfinished(book.folder) == {}
    assert not book.swept("d")
    book.note_sweep("d")
    assert book.swept("d") and not book.swept("e")


def test_a_torn_line_is_no_line(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.begin(A, "", 1.0)
    with (tmp_path / "containers.jsonl").open("a") as file:
        file.write('{"attempt": "run-000')
    assert list(book.entries()) == [A]
    book.start(A, {})
    assert book.entry(A).base == {}


def test_a_home_is_known_by_a_number_of_its_own(tmp_path: Path) -> None:
    assert known_id(tmp_path) == ""
    mine = home_id(tmp_path)
    assert len(mine) == 32 and home_id(tmp_path) == known_id(tmp_path) == mine
    (tmp_path / "docker.id").write_text("torn")
    assert known_id(tmp_path) == ""
    assert len(home_id(tmp_path)) == 32
    assert [path.name for path in tmp_path.iterdir()] == ["docker.id"]
    assert home_of(tmp_path / "runs" / "run" / "output") == tmp_path


class Log:
    """Implements `Output` in memory; `room` bounds what it takes."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.streams = {"stdout": b"", "stderr": b""}
        self.folder = Path("/nowhere/runs/r/output")
        self.room = room

    def offsets(self) -> Mapping[str, int]:
        return {name: len(data) for name, data in self.streams.items()}

    def write(self, stream: str, data: bytes) -> None:
        if sum(map(len, self.streams.values())) + len(data) > self.room:
            raise StoreError("the disk is full")
        self.streams[stream] += data


def work(log: Log, **more: object) -> Work:
    args = {"export_vars": True, "max_output_bytes": 64}
    return Work(A, "local", DummyConnector(), args, output=log, **more)  # type: ignore[arg-type]


def test_what_is_there_already_is_not_written_again() -> None:
    log = Log()
    given = work(log, secrets={"S": "correct-horse"})
    text = b"a correct-horse b\nBOPS_EXPORT:K=correct-horse\n"
    for cut in range(len(text)):
        log.streams["stdout"] = b""
        first = Sink(given, secrets_of(given), {1: 0, 2: 0})
        first.take(1, text[:cut])  # and dies, with what the masker held back
        second = Sink(given, secrets_of(given), {1: len(log.streams["stdout"]), 2: 0})
        for byte in text:
            second.take(1, bytes([byte]))
        second.close()
        assert log.streams["stdout"] == b"a *** b\nBOPS_EXPORT:K=***\n"
        assert second.report()["exports"] == {"K": "${secret:S}"}


def test_a_full_disk_leaves_a_beginning_that_can_be_gone_on_with() -> None:
    log = Log(room=10)
    sink = Sink(work(log), None, {1: 0, 2: 0})
    for part in (b"12345", b"67890", b"abc", b"d"):
        sink.take(1, part)
    log.room = 1000
    sink.take(1, b"later")
    sink.close()
    assert log.streams["stdout"] == b"1234567890"
    assert "9 bytes of output were dropped" in sink.report()["warnings"][0]
    again = Sink(work(log), None, {1: 10, 2: 0})
    again.take(1, b"1234567890abcdlater")
    again.close()
    assert log.streams["stdout"] == b"1234567890abcdlater"


def test_a_secret_that_is_too_short_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        secrets_of(work(Log(), secrets={"S": "abc"}))
    assert caught.value.code == "SECRET_SHORT"


@pytest.mark.parametrize(
    ("state", "more", "by", "code"),
    [
        ({"ExitCode": 0}, {}, "exit", 0),
        ({"ExitCode": 3}, {"ordered": "cancel"}, "cancel", 3),
        ({"ExitCode": 143}, {}, "signal:15", 143),
        ({"ExitCode": 137, "OOMKilled": True}, {}, "limit:memory", 137),
        ({"ExitCode": 137, "OOMKilled": True}, {"ordered": "timeout"}, "timeout", 137),
        ({"ExitCode": 0, "OOMKilled": True}, {}, "exit", 0),
        ({"ExitCode": 137}, {"missed": True}, "lost", 137),
        ({"ExitCode": 5}, {"missed": True}, "exit", 5),
        ({"ExitCode": 255}, {}, "exit", 255),
        ({"StartedAt": "0001-01-01T00:00:00Z"}, {"ordered": "cancel"}, "cancel", None),
    ],
)
def test_how_it_ended(
    state: dict[str, object], more: dict[str, object], by: str, code: int | None
) -> None:
    times = {"StartedAt": "2026-11-21T13:48:27.5Z", "FinishedAt": "2026-11-21T13:48:28.75Z"}
    sink = Sink(work(Log()), None, {1: 0, 2: 0})
    orders = Orders()
    end = exit_of({**times, **state}, sink, Usage(None, orders), **more)  # type: ignore[arg-type]
    assert (end.ended_by, end.exit_code) == (by, code)
    if code is not None:
        assert end.ended_at - end.started_at == 1.25
    assert bool(end.warnings) is bool((state.get("OOMKilled") and not code) or more.get("missed"))


def test_orders() -> None:
    async def run() -> None:
        orders = Orders()
        orders.give("timeout", 5.0)
        orders.give("cancel", 9.0)
        assert (orders.why, orders.grace, orders.hurried) == ("timeout", 5.0, False)
        await orders.next()
        orders.give("cancel", 0.0)
        assert (orders.why, orders.grace, orders.hurried) == ("timeout", 0.0, True)
        await orders.next()
        late = Orders()
        late.close()
        late.give("timeout", 1.0)
        assert late.why == ""
        late.give(OUTPUT, 0.0)
        assert late.why == OUTPUT

    asyncio.run(run())


def test_usage_takes_what_there_is() -> None:
    orders = Orders()
    usage = Usage(None, orders)
    for sample in (
        {},
        {"cpu_stats": None, "memory_stats": {}},
        {"cpu_stats": {"cpu_usage": {"total_usage": 1_500_000_000}}, "memory_stats": {"usage": 5}},
        {"cpu_stats": {"cpu_usage": {"total_usage": 0}}, "memory_stats": {"max_usage": 9}},
    ):
        usage.take(sample)
    assert (usage.cpu, usage.memory) == (1.5, 9)
