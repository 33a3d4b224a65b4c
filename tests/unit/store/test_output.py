from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.model.errors import NotFoundError
from runyard.model.ids import attempt_id
from runyard.store.home import Home
from runyard.store.output import OutputFilter, OutputStore
from runyard.store.spool import attempt_of, pack, spool_name, spool_path

RUN = "run-00000001"


def attempt(step: str = "s", host: str = "h", n: int = 1) -> str:
    return attempt_id(RUN, step, host, n)


@pytest.fixture
def store(home: Home):
    home.own(RUN).close()
    store = OutputStore(home)
    yield store
    store.close()


def texts(store: OutputStore, only: OutputFilter = OutputFilter(), **more) -> list[str]:
    return [chunk.data.decode() for chunk in store.read(RUN, only, **more)]


def test_both_streams_come_back_in_the_order_of_arrival_with_offsets(store: OutputStore):
    for stream, data in (("stdout", b"one"), ("stderr", b"two"), ("stdout", b"three")):
        store.append(RUN, attempt(), stream, data)
    chunks = list(store.read(RUN))
    assert [(c.stream, c.offset, c.data) for c in chunks] == [
        ("stdout", 0, b"one"),
        ("stderr", 0, b"two"),
        ("stdout", 3, b"three"),
    ]
    assert {(c.run_id, c.step, c.host, c.n, c.attempt) for c in chunks} == {
        (RUN, "s", "h", 1, attempt())
    }


def test_filters(store: OutputStore):
    for step in ("a", "b"):
        for host in ("x", "y"):
            for n in (1, 2):
                store.append(RUN, attempt(step, host, n), "stdout", f"{step}{host}{n}o".encode())
                store.append(RUN, attempt(step, host, n), "stderr", f"{step}{host}{n}e".encode())
    assert len(texts(store)) == 16
    assert sorted(texts(store, OutputFilter(step="a"))) == sorted(
        f"a{host}{n}{stream}" for host in "xy" for n in (1, 2) for stream in "oe"
    )
    assert texts(store, OutputFilter("b", "y", 2)) == ["by2o", "by2e"]
    assert texts(store, OutputFilter("b", "y", 2, "stderr")) == ["by2e"]
    assert store.attempts(RUN, OutputFilter(host="x", n=1)) == [
        attempt("a", "x"), attempt("b", "x"),
    ]  # fmt: skip


def test_a_reader_goes_on_where_it_was(store: OutputStore):
    store.append(RUN, attempt(), "stdout", b"one")
    [chunk] = store.read(RUN)
    store.append(RUN, attempt(), "stdout", b"two")
    assert texts(store, after={chunk.attempt: chunk.next}) == ["two"]


def test_attempts_are_merged_by_time(home: Home, store: OutputStore):
    folder = home.output_dir(RUN)
    folder.mkdir(exist_ok=True)
    for host, times in (("a", (1, 4, 5)), ("b", (2, 3, 9)), ("c", (6, 7))):
        records = b"".join(pack(1, at, 0, f"{at}{host}".encode()) for at in times)
        spool_path(folder, attempt("s", host)).write_bytes(records)
    assert texts(store) == ["1a", "2b", "3b", "4a", "5a", "6c", "7c", "9b"]


def test_a_torn_tail_is_not_there_yet_and_is_cut_by_the_next_writer(home: Home, store: OutputStore):
    store.append(RUN, attempt(), "stdout", b"whole")
    store.close()
    path = home.output_dir(RUN) / spool_name(attempt())
    record = pack(1, 1.0, 5, b"torn")
    for cut in range(1, len(record)):
        with path.open("ab") as file:
            file.write(record[:cut])
        assert texts(store) == ["whole"]
        os.truncate(path, path.stat().st_size - cut)
    with path.open("ab") as file:
        file.write(record[:-1])
    store.append(RUN, attempt(), "stdout", b" again")
    assert texts(store) == ["whole", " again"]
    assert [chunk.offset for chunk in store.read(RUN)] == [0, 5]


def test_garbage_ends_the_reading_and_breaks_nothing(home: Home, store: OutputStore):
    store.append(RUN, attempt(), "stdout", b"whole")
    with (home.output_dir(RUN) / spool_name(attempt())).open("ab") as file:
        file.write(os.urandom(5000).replace(b"\1", b"\0").replace(b"\2", b"\0"))
    (home.output_dir(RUN) / "not an attempt.log").write_bytes(b"x" * 100)
    (home.output_dir(RUN) / "exits.jsonl").write_text("{}\n")
    assert texts(store) == ["whole"]


@pytest.mark.parametrize("size", [1, 65_511, 65_512, 65_513, 200_000, 1_000_000])
def test_records_of_any_size(store: OutputStore, size: int):
    data = os.urandom(size)
    for _ in range(3):
        store.append(RUN, attempt(), "stdout", data)
    assert [chunk.data for chunk in store.read(RUN)] == [data] * 3


def test_more_attempts_than_files_are_kept_open(store: OutputStore):
    for text in ("one", "two"):
        for i in range(100):
            store.append(RUN, attempt(host=f"h{i}"), "stdout", text.encode())
    assert sorted(texts(store)) == ["one"] * 100 + ["two"] * 100


@pytest.mark.parametrize("watched", [True, False])
def test_follow_gives_what_is_there_and_what_comes(
    store: OutputStore, watched: bool, monkeypatch: pytest.MonkeyPatch
):
    if not watched:

        def refuse(folder: Path) -> None:
            raise OSError("no inotify")

        monkeypatch.setattr("runyard.store.bell.Watch", refuse)
    store.append(RUN, attempt(), "stdout", b"0")

    async def go() -> None:
        ended = asyncio.Event()
        got: list[bytes] = []
        chunks = store.follow(RUN, ended)
        for i in range(1, 30):
            got.append((await asyncio.wait_for(anext(chunks), 30)).data)
            store.append(RUN, attempt(n=i % 3 + 1), "stderr", str(i).encode())
        ended.set()
        got += [chunk.data async for chunk in chunks]
        assert got == [str(i).encode() for i in range(30)]

    asyncio.run(go())


def test_follow_waits_for_a_run_that_has_written_nothing_yet(home: Home, store: OutputStore):
    async def go() -> None:
        ended = asyncio.Event()
        first = asyncio.ensure_future(anext(store.follow(RUN, ended)))
        await asyncio.sleep(0.01)
        store.append(RUN, attempt(), "stdout", b"hello")
        assert (await asyncio.wait_for(first, 30)).data == b"hello"

    asyncio.run(go())


def test_follow_of_an_unknown_run_says_so(store: OutputStore):
    async def go() -> None:
        with pytest.raises(NotFoundError):
            await anext(store.follow("run-unknown", asyncio.Event()))

    asyncio.run(go())
    assert texts(store) == []
    assert list(store.read("run-unknown")) == []


def test_usage(store: OutputStore):
    assert store.usage(RUN) == 0
    store.append(RUN, attempt(), "stdout", b"12345")
    assert store.usage(RUN) == 24 + 5


names = st.text(
    st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=120
)


@given(step=names, host=names.filter(lambda name: "/" not in name), n=st.integers(1, 999))
@settings(max_examples=150, deadline=None)
def test_the_attempt_is_read_back_from_the_name_of_its_spool(
    tmp_path_factory: pytest.TempPathFactory, step: str, host: str, n: int
):
    folder = tmp_path_factory.getbasetemp() / "names"
    path = spool_path(folder, attempt(step, host, n))
    assert path.parent == folder
    assert len(os.fsencode(path.name)) <= 255
    assert attempt_of(path) == (step, host, n)


def test_names_that_had_to_be_cut_stay_different():
    long = "长" * 100
    assert spool_name(attempt(long, "a")) != spool_name(attempt(long, "b"))
    assert spool_name(attempt("a/b", "c")) == "a%2Fb%2Fc%2F1.log"


def test_a_cut_name_keeps_every_character(tmp_path: Path):
    attempt = attempt_id("run-00000001", "line\r\nend\r" + "x" * 200, "h", 1)
    assert attempt_of(spool_path(tmp_path, attempt)) == ("line\r\nend\r" + "x" * 200, "h", 1)
