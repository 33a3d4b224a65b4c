"""What is put on a host: bytes, or a file of this machine that is read in parts."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from runyard.model.errors import ArgumentError, NotFoundError, RunyardError, SystemFault
from runyard.model.progress import Progress
from runyard.store.settled import settled

_READ = 1 << 20


class Source:
    """Bytes of known `size`, to be read at offsets and more than once."""

    def __init__(
        self, data: bytes, fd: int = -1, name: str = "", progress: Progress | None = None
    ) -> None:
        self._data = data
        self._fd = fd
        self._name = name
        self._found = os.fstat(fd) if fd >= 0 else None
        self.size = self._found.st_size if self._found is not None else len(data)
        self._progress = progress or Progress()
        self._progress.total = self.size

    @classmethod
    @asynccontextmanager
    async def of(cls, data: bytes | Path, progress: Progress | None = None) -> AsyncIterator[Self]:
        """Open it; `progress` is told how far it was read.

        Raises NotFoundError, ArgumentError for what is no file, SystemFault.
        """
        if isinstance(data, bytes):
            yield cls(data, progress=progress)
            return
        fd = await settled(lambda: _open(data), os.close)
        try:
            yield cls(b"", fd, str(data), progress)
        finally:
            os.close(fd)

    async def digest(self) -> str:
        """Its SHA-256 in hex."""
        if self._fd < 0:
            return hashlib.sha256(self._data).hexdigest()
        return await settled(self._digest)

    async def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, fewer only at the end. Raises SystemFault."""
        length = min(length, self.size - offset)
        self._progress.done = max(self._progress.done, offset)
        if self._fd < 0:
            return self._data[offset : offset + length]
        return await settled(lambda: self._read(offset, length))

    async def parts(self, length: int) -> AsyncIterator[bytes]:
        """All of it, in parts of `length`."""
        for offset in range(0, self.size, length):
            yield await self.read(offset, length)

    def check(self) -> None:
        """Raises SystemFault, `CHANGED`, when the file was written to since it was opened."""
        if self._found is None:
            return
        now = os.fstat(self._fd)
        if (now.st_size, now.st_mtime_ns) != (self._found.st_size, self._found.st_mtime_ns):
            raise self._changed()

    def _changed(self) -> SystemFault:
        return SystemFault(f"{self._name or 'the data'} changed while it was read", code="CHANGED")

    def _read(self, offset: int, length: int) -> bytes:
        try:
            data = os.pread(self._fd, length, offset)
            while len(data) < length and (
                more := os.pread(self._fd, length - len(data), offset + len(data))
            ):
                data += more
        except OSError as error:
            raise _fault(self._name, error) from error
        if len(data) < length:
            raise self._changed()
        return data

    def _digest(self) -> str:
        digest, at = hashlib.sha256(), 0
        while part := self._read(at, min(_READ, self.size - at)):
            digest.update(part)
            at += len(part)
        return digest.hexdigest()


def _open(path: Path) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a fifo must not hold us
    except OSError as error:
        raise _fault(str(path), error) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        what = "a directory" if stat.S_ISDIR(os.fstat(fd).st_mode) else "not a regular file"
        os.close(fd)
        raise ArgumentError(f"{path} is {what}", hint="name a file")
    return fd


def _fault(name: str, error: OSError) -> RunyardError:
    if isinstance(error, FileNotFoundError):
        return NotFoundError(
            f"no such file: {name}",
            hint="a relative path starts at the directory of the workflow file",
        )
    return SystemFault(f"cannot read {name}: {error.strerror}", retryable=False)
