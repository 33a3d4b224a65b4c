"""The OutputStore: what attempts wrote, read from their spool files while they still write."""

from __future__ import annotations

import asyncio
import heapq
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path

from runyard.model.errors import NotFoundError
from runyard.model.light import dataclass
from runyard.store.bell import Bell
from runyard.store.faults import store_error
from runyard.store.home import Home
from runyard.store.spool import SUFFIX, attempt_of
from runyard.store.spoolwriter import SpoolWriter
from runyard.store.tail import NUMBERS, STREAMS, OutputChunk, Tail

BATCH = 64


@dataclass(frozen=True, slots=True)
class OutputFilter:
    """Which output is wanted; None is all. `stream` is `stdout` or `stderr`."""

    step: str | None = None
    host: str | None = None
    n: int | None = None
    stream: str | None = None

    def takes(self, key: tuple[str, str, int]) -> bool:
        """True for an attempt (step, host, n) that is wanted."""
        step, host, n = key
        return self.step in (None, step) and self.host in (None, host) and self.n in (None, n)


ALL = OutputFilter()


class OutputStore:
    """Output of the runs of one state home.

    Order: within an attempt, the order of arrival of both streams; between attempts, by the time
    of arrival, to the millisecond. Readers need no writer, and writers no reader. A record that
    is torn (its writer died, or writes it now) is not there yet. Raises StoreError.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._writer = SpoolWriter()
        self._folders: dict[str, Path] = {}  # by run

    def append(self, run_id: str, attempt: str, stream: str, data: bytes) -> None:
        """Add output of an action that runs in this process; the caller has masked it.

        All of `data` or nothing is written. One process appends to one attempt.
        """
        self._writer.append(self._home.output_dir(run_id), attempt, NUMBERS[stream], data)

    def attempt(self, run_id: str, attempt: str) -> AttemptOutput:
        """Where the output of one attempt that runs in this process goes."""
        if run_id not in self._folders:
            self._folders[run_id] = self._home.output_dir(run_id)
        return AttemptOutput(self._writer, self._folders[run_id], attempt)

    def attempts(self, run_id: str, only: OutputFilter = ALL) -> list[str]:
        """Ids of the attempts that have output, sorted."""
        return sorted(tail.attempt for tail in self._tails(run_id, only, {}))

    def read(
        self, run_id: str, only: OutputFilter = ALL, after: Mapping[str, int] | None = None
    ) -> Iterator[OutputChunk]:
        """What is there now. `after`: attempt id to the `next` of the last chunk seen of it."""
        return _merge(self._tails(run_id, only, after or {}), only.stream)

    async def follow(
        self,
        run_id: str,
        ended: asyncio.Event,
        only: OutputFilter = ALL,
        after: Mapping[str, int] | None = None,
    ) -> AsyncIterator[OutputChunk]:
        """What is there, then what comes, as it comes.

        Ends when `ended` is set (the run is final) and everything was given. Raises
        NotFoundError when the run has no directory.
        """
        folder = self._home.output_dir(run_id)
        if not folder.parent.is_dir():
            raise NotFoundError(f"run {run_id!r} has no output here", code="RUN")
        folder.mkdir(exist_ok=True, mode=0o700)
        tails = _Tails(self._home, run_id, only, after or {})
        async with Bell(folder, ended) as bell:
            while True:
                last = ended.is_set()
                names = bell.names()
                grown = tails.grown(None if last else names)
                for count, chunk in enumerate(_merge(grown, only.stream), 1):
                    yield chunk
                    if count % BATCH == 0:
                        await asyncio.sleep(0)
                if last:
                    return
                await bell.wait()

    def usage(self, run_id: str) -> int:
        """Bytes that the output of a run takes."""
        return sum(tail.size() for tail in self._tails(run_id, ALL, {}))

    def close(self) -> None:
        """Close files that were appended to. Idempotent."""
        self._writer.close()

    def _tails(self, run_id: str, only: OutputFilter, after: Mapping[str, int]) -> list[Tail]:
        return list(_Tails(self._home, run_id, only, after).grown(None))


@dataclass(frozen=True, slots=True)
class AttemptOutput:
    """Appends to the spool of one attempt. See `model.action.Output`."""

    writer: SpoolWriter
    folder: Path
    name: str

    def offsets(self) -> Mapping[str, int]:
        """Bytes of both streams that are there already."""
        ends = self.writer.offsets(self.folder, self.name)
        return {STREAMS[number]: ends[number] for number in STREAMS}

    def write(self, stream: str, data: bytes) -> None:
        """Add one record. Raises StoreError."""
        self.writer.append(self.folder, self.name, NUMBERS[stream], data)


class _Tails:
    """The spools of a run that are wanted, each with a position."""

    def __init__(
        self, home: Home, run_id: str, only: OutputFilter, after: Mapping[str, int]
    ) -> None:
        self._folder = home.output_dir(run_id)
        self._run_id = run_id
        self._only = only
        self._after = after
        self._tails: dict[str, Tail] = {}

    def grown(self, names: Iterable[str] | None) -> Iterator[Tail]:
        """Those of the files `names`, or (None) of all files with more than was read."""
        for name in self._longer() if names is None else names:
            tail = self._tails.get(name) or self._begin(name)
            if tail is not None:
                yield tail

    def _longer(self) -> list[str]:
        try:
            with os.scandir(self._folder) as entries:
                return [
                    entry.name
                    for entry in entries
                    if (tail := self._tails.get(entry.name)) is None
                    or entry.stat().st_size > tail.position
                ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise store_error(error, self._folder) from error

    def _begin(self, name: str) -> Tail | None:
        if not name.endswith(SUFFIX):
            return None
        key = attempt_of(self._folder / name)
        if key is None or not self._only.takes(key):
            return None
        tail = self._tails[name] = Tail(self._run_id, key, self._folder / name)
        tail.position = self._after.get(tail.attempt, 0)
        return tail


def _merge(tails: Iterable[Tail], stream: str | None) -> Iterator[OutputChunk]:
    """Chunks of several attempts by time; an attempt's file is read when its time has come."""
    ahead = [(at, tail.attempt, tail) for tail in tails if (at := tail.first_at()) is not None]
    heapq.heapify(ahead)
    begun: list[tuple[float, str, OutputChunk, Iterator[OutputChunk]]] = []
    while ahead or begun:
        while ahead and (not begun or ahead[0][0] <= begun[0][0]):
            _, attempt, tail = heapq.heappop(ahead)
            _advance(begun, attempt, tail.chunks(stream))
        if begun:
            _, attempt, chunk, chunks = heapq.heappop(begun)
            yield chunk
            _advance(begun, attempt, chunks)


def _advance(
    begun: list[tuple[float, str, OutputChunk, Iterator[OutputChunk]]],
    attempt: str,
    chunks: Iterator[OutputChunk],
) -> None:
    chunk = next(chunks, None)
    if chunk is not None:
        heapq.heappush(begun, (chunk.at, attempt, chunk, chunks))
