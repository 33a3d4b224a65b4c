"""Writes spool files for actions that run inside the engine (no supervisor spools for them)."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from pathlib import Path

from runyard.store.faults import store_error
from runyard.store.spool import HEADER, headers, pack, spool_path

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

    def write(self, stream: int, data: bytes) -> None:
        record = pack(stream, time.time(), self.offsets[stream], data)
        try:
            written = 0
            while written < len(record):
                written += os.pwrite(self.fd, record[written:], self.end + written)
        except OSError:
            os.ftruncate(self.fd, self.end)
            raise
        self.end += len(record)
        self.offsets[stream] += len(data)


class SpoolWriter:
    """Appends to the spools of one output directory at a time or many; keeps some files open."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Spool] = OrderedDict()

    def append(self, folder: Path, attempt: str, stream: int, data: bytes) -> None:
        """Add one record; all of it or nothing. Raises StoreError."""
        if not data:
            return
        path = folder
        try:
            spool = self._open.get(attempt)
            if spool is None:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                path = spool_path(folder, attempt)
                spool = self._open[attempt] = _Spool(path)
                while len(self._open) > OPEN_FILES:
                    os.close(self._open.popitem(last=False)[1].fd)
            self._open.move_to_end(attempt)
            spool.write(stream, data)
        except OSError as error:
            raise store_error(error, path) from error

    def close(self) -> None:
        """Close the files. Idempotent; a later append opens them again."""
        while self._open:
            os.close(self._open.popitem()[1].fd)
