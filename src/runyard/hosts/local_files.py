"""Files and facts of this machine."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from runyard.hosts.file_fault import file_fault
from runyard.hosts.source import Source
from runyard.model.connector import FileStat, Put
from runyard.model.errors import ArgumentError, NotFoundError, SystemFault
from runyard.model.progress import Progress
from runyard.store.settled import settled
from runyard.supervisor import files
from runyard.supervisor.incoming import Incoming
from runyard.supervisor.refusal import Refusal

T = TypeVar("T")

PART = 1 << 20


async def put(
    data: bytes | Path,
    dest: str,
    mode: int | None,
    owner: str | None,
    progress: Progress | None = None,
) -> Put:
    """As `Connector.put`; `dest` is absolute."""
    async with Source.of(data, progress) as source:
        ids = _faults(lambda: files.owner_ids(owner))
        if await _aside(lambda: files.there(dest)) == source.size:
            digest = await source.digest()
            same = await _aside(lambda: files.same(dest, source.size, digest, mode, owner))
            if same is not None:
                return Put(**same)
        incoming = await settled(lambda: _faults(lambda: Incoming(dest)), Incoming.abandon)
        try:
            async for part in source.parts(PART):
                await _aside(partial(incoming.write, part))
            source.check()
            done = partial(incoming.finish, source.size, incoming.sha256, mode, ids)
            return Put(**await _aside(done))
        finally:
            incoming.abandon()


async def get(src: str) -> AsyncIterator[bytes]:
    """As `Connector.get`."""
    offset, seen = 0, ""
    while True:
        about, part = await _aside(partial(files.read, src, offset, PART))
        if seen not in ("", about["seen"]):
            raise SystemFault(f"{src} changed while it was read", code="CHANGED")
        seen, offset = about["seen"], offset + len(part)
        if part:
            yield part
        if len(part) < PART:
            return


async def stat(path: str, digest: bool) -> FileStat | None:
    """As `Connector.stat`."""
    if digest:
        found = await _aside(lambda: files.stat(path, True))
    else:
        found = _faults(lambda: files.stat(path))
    return None if found is None else FileStat(**found)


async def probe() -> dict[str, str]:
    """As `Connector.probe`."""
    from runyard.supervisor import facts

    return await _aside(facts.probe)


async def _aside(act: Callable[[], T]) -> T:
    """Do it in a thread: it may take long."""
    return await settled(lambda: _faults(act))


def _faults(act: Callable[[], T]) -> T:
    """Do it; failures of the machine become errors of the tree."""
    try:
        return act()
    except FileNotFoundError as error:
        raise NotFoundError(f"{error.filename}: {error.strerror}", code="FILE") from error
    except PermissionError as error:
        raise file_fault("PERMISSION", f"{error.filename}: {error.strerror}") from error
    except OSError as error:
        code = "DISK_FULL" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise file_fault(code, f"{error.filename or 'file'}: {error.strerror}") from error
    except Refusal as error:
        raise SystemFault(error.message, code=error.code) from error
    except LookupError as error:
        raise ArgumentError(f"owner: {error}") from error
