"""The spool: one file per attempt that holds both of its streams in order of arrival.

Record: a header of 24 bytes `>BBHIQQ` (stream 1|2, flags, 0, length of the payload, milliseconds
since 1970, offset of the payload in its own stream), then the payload. A last record that is not
complete was torn by a death and does not count.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

HEADER = struct.Struct(">BBHIQQ")
SUFFIX = ".log"
MAX_NAME = 180
MAX_PAYLOAD = 1 << 26


def spool_name(attempt: str) -> str:
    """File name of an attempt's spool within the output directory of its run."""
    name = quote(attempt.partition("/")[2], safe="")
    if len(name) > MAX_NAME:
        import hashlib

        # "+" cannot come from quote(), so a cut name is told from a whole one.
        name = f"{name[:MAX_NAME]}+{hashlib.sha256(attempt.encode()).hexdigest()[:16]}"
    return name + SUFFIX


def spool_path(folder: Path, attempt: str) -> Path:
    """Path of an attempt's spool; makes sure that the attempt can be read back from the name.

    A name that had to be cut gets a `.name` file beside it. Raises OSError.
    """
    path = folder / spool_name(attempt)
    if "+" in path.name:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.with_suffix(".name").write_text(attempt.partition("/")[2], encoding="utf-8")
    return path


def attempt_of(path: Path) -> tuple[str, str, int] | None:
    """Step, host and number of the attempt whose spool is `path`; None when it is not a spool."""
    stem = path.name.removesuffix(SUFFIX)
    if stem == path.name:
        return None
    if "+" in stem:
        try:
            # Bytes, as reading text would make other characters of a carriage return.
            text = path.with_suffix(".name").read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            return None
    else:
        text = unquote(stem)
    step_and_host, _, n = text.rpartition("/")
    step, _, host = step_and_host.rpartition("/")
    return (step, host, int(n)) if n.isdigit() else None


def pack(stream: int, at: float, offset: int, payload: bytes) -> bytes:
    """One record. `at` is seconds since 1970."""
    return HEADER.pack(stream, 0, 0, len(payload), int(at * 1000), offset) + payload


def headers(fd: int) -> Iterator[tuple[int, int, int, int]]:
    """(position, stream, length, offset) of each complete record of an open spool."""
    size = os.fstat(fd).st_size
    position = 0
    while position + HEADER.size <= size:
        stream, _, _, length, _, offset = HEADER.unpack(os.pread(fd, HEADER.size, position))
        end = position + HEADER.size + length
        if stream not in (1, 2) or end > size:
            return
        yield position, stream, length, offset
        position = end
