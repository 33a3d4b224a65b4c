"""Stores of snapshots for those who embed the engine: in memory, and in files."""

from __future__ import annotations

import copy
import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runyard.model.errors import StoreError
from runyard.model.ids import check_run_id
from runyard.model.run import RunFilter, RunRecord
from runyard.store import snapshots
from runyard.store.faults import store_error
from runyard.store.files import write_atomic

log = logging.getLogger("runyard.store")


class MemoryRunStore:
    """A RunStore that ends with the process; it says so once."""

    def __init__(self) -> None:
        self._records: dict[str, RunRecord] = {}
        self._said = False

    async def create_run(self, record: RunRecord) -> None:
        check_run_id(record.run_id)
        if not self._said:
            self._said = True
            log.warning("runs are kept in memory only: they are gone when this process ends")
        if record.run_id in self._records:
            raise snapshots.exists(record.run_id)
        self._records[record.run_id] = copy.deepcopy(record)

    async def update_run(self, record: RunRecord) -> None:
        snapshots.check_update(self._get(record.run_id), record)
        self._records[record.run_id] = copy.deepcopy(record)

    async def get_run(self, run_id: str) -> RunRecord:
        return copy.deepcopy(self._get(run_id))

    async def list_runs(self, filter: RunFilter) -> list[RunRecord]:
        newest = reversed(self._records.values())
        found = [record for record in newest if snapshots.matches(record, filter)]
        return copy.deepcopy(found[: filter.limit])

    async def mark_interrupted_running(self, reason: str) -> list[str]:
        marked = []
        for run_id, record in self._records.items():
            if not record.status.is_final:
                self._records[run_id] = snapshots.interrupted(record, reason, time.time())
                marked.append(run_id)
        return marked

    def _get(self, run_id: str) -> RunRecord:
        record = self._records.get(run_id)
        if record is None:
            raise snapshots.unknown(run_id)
        return record


class FileRunStore:
    """A RunStore of one JSON file per run in a directory.

    Files are replaced atomically, and compared and written under a lock, so that many processes
    may share the directory. Raises StoreError.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._folder = Path(path)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise store_error(error, self._folder) from error

    async def create_run(self, record: RunRecord) -> None:
        path = self._path(record.run_id)
        with self._locked():
            if path.exists():
                raise snapshots.exists(record.run_id)
            self._write(path, record, time.time())

    async def update_run(self, record: RunRecord) -> None:
        path = self._path(record.run_id)
        with self._locked():
            stored, born = self._read(path)
            snapshots.check_update(stored, record)
            self._write(path, record, born)

    async def get_run(self, run_id: str) -> RunRecord:
        return self._read(self._path(run_id))[0]

    async def list_runs(self, filter: RunFilter) -> list[RunRecord]:
        everything = sorted(self._all(), key=lambda pair: pair[1], reverse=True)
        found = [record for record, _ in everything if snapshots.matches(record, filter)]
        return found[: filter.limit]

    async def mark_interrupted_running(self, reason: str) -> list[str]:
        marked = []
        with self._locked():
            for record, born in self._all():
                if not record.status.is_final:
                    ended = snapshots.interrupted(record, reason, time.time())
                    self._write(self._path(record.run_id), ended, born)
                    marked.append(record.run_id)
        return marked

    def _path(self, run_id: str) -> Path:
        return self._folder / f"{check_run_id(run_id)}.json"

    def _all(self) -> Iterator[tuple[RunRecord, float]]:
        for path in self._folder.glob("[!.]*.json"):
            yield self._read(path)

    @staticmethod
    def _write(path: Path, record: RunRecord, born: float) -> None:
        text = f'{{"born": {born!r}, "record": {snapshots.to_json(record)}}}'
        write_atomic(path, text.encode())

    @staticmethod
    def _read(path: Path) -> tuple[RunRecord, float]:
        try:
            data = json.loads(path.read_bytes())
            return snapshots.from_data(data["record"]), float(data["born"])
        except FileNotFoundError:
            raise snapshots.unknown(path.stem) from None
        except OSError as error:
            raise store_error(error, path) from error
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{path} is not the record of a run: {error}",
                code="STORE_DAMAGED",
                hint="move the file away",
                retryable=False,
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._folder / ".lock"
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise store_error(error, path) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        except OSError as error:
            raise store_error(error, path) from error
        finally:
            os.close(fd)
