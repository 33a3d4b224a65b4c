"""Where a container's output goes: through the supervisor's own scanner and masker to the run."""

from __future__ import annotations

import time
from collections.abc import Mapping

from runyard.model.action import Output, Work
from runyard.model.errors import ArgumentError, StoreError
from runyard.model.execution import CAPTURE
from runyard.supervisor import output as supervised
from runyard.supervisor.forms import ShortSecret
from runyard.supervisor.mask import Secrets
from runyard.supervisor.output import NAMES, STDERR
from runyard.supervisor.spool import Spool

MOST = 10 << 30
"""Bytes of output that are taken where no limit says it."""


class Sink(supervised.Output):
    """Both streams of one container from their very beginning, read once or several times.

    The run's log gets each byte once: `kept` bytes of each stream, as masked, are there already.
    """

    def __init__(self, work: Work, secrets: Secrets | None, kept: Mapping[int, int]) -> None:
        capture = work.args.get("max_output_bytes") or CAPTURE
        super().__init__("", capture, secrets, bool(work.args.get("export_vars")))
        self.log = _Log(work.output, kept)
        self.spool = self.log
        self._room = work.limits.output if work.limits.output is not None else MOST

    def take(self, stream: int, data: bytes) -> bool:
        """The next bytes of a stream; False when the limit of output cut them off."""
        room = self._room - self.total
        if data and room > 0:
            self.write(stream, data[:room], time.time())
        return len(data) <= room

    def close(self) -> None:
        """The container's output has ended here."""
        self.finish(time.time())


class _Log(Spool):
    """Passes on what the run's log does not have yet.

    What could not be written is missing at the end, never in the middle: so the log can be
    completed later from the number of bytes that it has.
    """

    def __init__(self, output: Output | None, kept: Mapping[int, int]) -> None:
        super().__init__("")
        self.kept = dict(kept)
        self._output = output

    def append(self, stream: int, data: bytes | memoryview, offset: int, now: float) -> None:
        skip = max(0, self.kept[stream] - offset)
        if skip >= len(data):
            return
        rest = bytes(data[skip:])
        if self.dropped:
            self.dropped += len(rest)
            return
        try:
            if self._output is not None:
                self._output.write(NAMES[stream], rest)
        except StoreError as error:
            self.dropped, self.trouble = len(rest), error.message
            return
        self.kept[stream] += len(rest)


def secrets_of(work: Work) -> Secrets | None:
    """What is to be masked. Raises ArgumentError for a secret that is too short for it."""
    try:
        return Secrets(dict(work.secrets)) if work.secrets else None
    except ShortSecret as error:
        raise ArgumentError(str(error), code="SECRET_SHORT") from error


def say(work: Work, secrets: Secrets | None, text: str) -> None:
    """One line of ours on the log's stderr. A log that takes none is no reason to stop."""
    if work.output is None:
        return
    line = secrets.text(text) if secrets is not None else text
    try:
        work.output.write(NAMES[STDERR], line.encode() + b"\n")
    except StoreError:
        return
