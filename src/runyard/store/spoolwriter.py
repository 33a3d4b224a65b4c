"""Writes spool files for actions that run inside the engine (no supervisor spools for them)."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from pathlib import Path

from runyard.store.faults import store_error
from runyard.store.spool import HEADER, headers, spool_path

OPEN_FILES = 64


class _Spool:
    """One spool opened for appending: a torn tail is cut off, offsets go on."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.offsets = {1: 0, 2: 0}
        self.end = 0
        for position, stream, length, offset in headers(self.fd):
            self.offsets[stream] = offset + length
            self.end = position + HEADER.size + length
        os.ftruncate(self.fd, self.end)

    def write(self, stream: int, data: bytes, offset: int, at: float) -> None:
        header = HEADER.pack(stream, 0, 0, len(data), int(at * 1000), offset)
        size = len(header) + len(data)
        try:
            written = os.pwritev(self.fd, (header, data), self.end)
            while written < size:
                rest = (header + data)[written:]
                written += os.pwrite(self.fd, rest, self.end + written)
        except OSError:
            os.ftruncate(self.fd, self.end)
            raise
        self.end += size
        self.offsets[stream] = offset + len(data)


class SpoolWriter:
    """Appends to the spools of one output directory at a time or many; keeps some files open."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Spool] = OrderedDict()

    def append(self, folder: Path, attempt: str, stream: int, data: bytes) -> None:
        """Add one record; all of it or nothing. Raises StoreError."""
        if not data:
            return
        try:
            spool = self._spool(folder, attempt)
            spool.write(stream, data, spool.offsets[stream], time.time())
        except OSError as error:
            raise store_error(error, folder) from error

    def append_at(
        self, folder: Path, attempt: str, stream: int, data: bytes, offset: int, at: float
    ) -> None:
        """Add one record as another machine has it, its `offset` and its time (in seconds)."""
        try:
            self._spool(folder, attempt).write(stream, data, offset, at)
        except OSError as error:
            raise store_error(error, folder) from error

    def offsets(self, folder: Path, attempt: str) -> dict[int, int]:
        """Where the streams of an attempt end, 0 for one that has no output. Raises StoreError."""
        if attempt not in self._open and not spool_path(folder, attempt).exists():
            return {1: 0, 2: 0}
        try:
            return dict(self._spool(folder, attempt).offsets)
        except OSError as error:
            raise store_error(error, folder) from error

    def release(self, attempt: str) -> None:
        """Close the file of an attempt that has ended."""
        spool = self._open.pop(attempt, None)
        if spool is not None:
            os.close(spool.fd)

    def _spool(self, folder: Path, attempt: str) -> _Spool:
        spool = self._open.get(attempt)
        if spool is None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            spool = self._open[attempt] = _Spool(spool_path(folder, attempt))
            while len(self._open) > OPEN_FILES:
                os.close(self._open.popitem(last=False)[1].fd)
        self._open.move_to_end(attempt)
        return spool

    def close(self) -> None:
        """Close the files. Idempotent; a later append opens them again."""
        while self._open:
            os.close(self._open.popitem()[1].fd)
