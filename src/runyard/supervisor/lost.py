"""Attempts whose supervisor died: what is left of them is killed, and their end is made known."""

from __future__ import annotations

import json
import os
import time

from .capture import Capture
from .spool import read_records
from .tree import sweep_marked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

CAPTURE = 64 * 1024
EXITS = "exits.jsonl"
WHY = "the supervisor of this attempt died, and its exit with it"
_PART = 1 << 20


def lose(
    attempt: str, mark: int, spool: str, why: str = "", *, left: bool = True
) -> dict[str, Any]:
    """Kill what is left of a lost attempt; the exit record that tells of it. Blocks.

    `left` False: somebody has seen already that nothing is.
    """
    swept, survivors = sweep_marked(attempt, mark) if left else (0, 0)
    out, err = captured(spool)
    now = time.time()
    return {
        "attempt": attempt,
        "exit_code": None,
        "signal": None,
        "ended_by": "lost",
        "stdout": out.text(),
        "stderr": err.text(),
        "stdout_bytes": out.total,
        "stderr_bytes": err.total,
        "exports": {},
        "warnings": [],
        "swept": swept,
        "survivors": survivors,
        "cpu": 0.0,
        "peak_memory": 0,
        "started_at": now,
        "ended_at": now,
        "error": why or WHY,
    }


def captured(spool: str, limit: int = CAPTURE) -> tuple[Capture, Capture]:
    """Head and tail of both streams of a spool; empty when there is none."""
    captures = (Capture(limit), Capture(limit))
    try:
        fd = os.open(spool, os.O_RDONLY)
    except OSError:
        return captures
    try:
        position = 0
        while True:
            records, position = read_records(fd, position, _PART)
            if not records:
                return captures
            for stream, _, _, payload in records:
                captures[stream != 1].add(payload)
    finally:
        os.close(fd)


def append(path: str, record: dict[str, Any]) -> None:
    """Add a line to a file of JSON lines; a torn last one stays alone. Raises OSError."""
    line = json.dumps(record).encode("ascii") + b"\n"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.lseek(fd, 0, os.SEEK_END)
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        os.write(fd, b"\n" + line if torn else line)
    finally:
        os.close(fd)


def lines(path: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(position, length, record) of the whole lines of a file of JSON lines about attempts."""
    try:
        file = open(path, "rb")
    except OSError:
        return
    with file:
        at = 0
        for raw in file:
            try:
                record = json.loads(raw)
            except ValueError:
                record = None
            if isinstance(record, dict) and isinstance(record.get("attempt"), str):
                yield at, len(raw), record
            at += len(raw)
