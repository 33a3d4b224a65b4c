"""What was started on hosts that cannot tell us: so that nobody starts it a second time."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runyard.model.errors import SystemFault

NAME = "plain.jsonl"


class PlainRecord:
    """The file `plain.jsonl` beside the output of a run: a line for each start and each end.

    An attempt with a start and no end may have run, and may run still, on a host that has nobody
    to ask. The file is read once; all connectors of the run in this process append to it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._open: set[str] | None = None

    def unfinished(self, attempt: str) -> bool:
        """True when `attempt` was started, by us or an earlier life, and has not ended."""
        if self._open is None:
            self._open = set()
            for line in self._lines():
                if line.get("ended"):
                    self._open.discard(line["attempt"])
                else:
                    self._open.add(line["attempt"])
        return attempt in self._open

    def started(self, attempt: str, host: str) -> None:
        """Note that `attempt` is about to start. Raises SystemFault: then it must not."""
        self.unfinished(attempt)
        try:
            self._append({"attempt": attempt, "host": host, "at": time.time()})
        except OSError as error:
            raise SystemFault(
                f"the start could not be recorded: {self._path}: {error.strerror}",
                code="NOT_STARTED",
            ) from error
        if self._open is not None:
            self._open.add(attempt)

    def ended(self, attempt: str) -> None:
        """Note that `attempt` has ended, or was never started."""
        if self._open is not None:
            self._open.discard(attempt)
        try:
            self._append({"attempt": attempt, "ended": True, "at": time.time()})
        except OSError:  # a resume of a run that had this result will not ask
            pass

    def _append(self, line: dict[str, Any]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            # A line that a crash or a full disk has torn must not swallow this one.
            os.write(fd, b"\n" + json.dumps(line).encode() + b"\n")
        finally:
            os.close(fd)

    def _lines(self) -> Iterator[dict[str, Any]]:
        try:
            data = self._path.read_bytes()
        except OSError:
            return
        for raw in data.splitlines():
            try:
                line = json.loads(raw)
            except ValueError:
                continue
            if isinstance(line, dict) and isinstance(line.get("attempt"), str):
                yield line


def interrupted(host: str, attempt: str) -> SystemFault:
    """The error of an attempt that cannot be taken up: there is no python3 on its host."""
    step = attempt.split("/")[1] if attempt.count("/") > 2 else attempt
    return SystemFault(
        f'contact with {host} was lost while "{step}" ran there; without python3 on {host} nobody '
        "can tell how it ended, or whether it still runs",
        code="INTERRUPTED",
        hint=f"look at its effects, then resume again; install python3 on {host}, and a lost "
        "connection is taken up",
        retryable=False,
    )
