"""Output that is told from its beginning again and again: each byte is kept once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from runyard.hosts.agent.wire import State
from runyard.model.errors import ArgumentError
from runyard.model.execution import Exec
from runyard.store.spoolcopy import SpoolCopies
from runyard.supervisor.capture import Capture
from runyard.supervisor.exports import Exports
from runyard.supervisor.forms import ShortSecret
from runyard.supervisor.mask import Secrets

STREAMS = {1: "stdout", 2: "stderr"}


class Retold:
    """Export scanner, masker and spool of one attempt, here instead of at the host.

    What an earlier life of the run has kept is not written again. A text that became shorter, as
    one that the agent has cut, adds nothing.
    """

    def __init__(self, copies: SpoolCopies, work: Exec) -> None:
        self._copies = copies
        self._attempt = work.attempt
        self._seen = dict.fromkeys(STREAMS, 0)
        self._captures = {stream: Capture(work.capture) for stream in STREAMS}
        self._exports = Exports() if work.exports else None
        self._vars: dict[str, Any] = {}
        try:
            self._secrets = Secrets(dict(work.secrets)) if work.secrets else None
        except ShortSecret as error:
            raise ArgumentError(str(error), code="SECRET_SHORT") from error
        self._maskers = (
            {stream: self._secrets.masker() for stream in STREAMS} if self._secrets else {}
        )

    def take(self, state: State, *, final: bool) -> None:
        """Keep what is new in the texts of `state`; `final`: no more will come."""
        for stream, name in STREAMS.items():
            text = state.text(name)
            if not final:
                text = text.rstrip("\ufffd")  # a character of which the rest is still to come
            new = text[self._seen[stream] :]
            self._seen[stream] += len(new)
            data = new.encode("utf-8", "replace")
            if stream == 1 and self._exports is not None:
                self._exports.feed(data)
            if stream in self._maskers:
                data = self._maskers[stream].feed(data)
                if final:
                    data += self._maskers[stream].flush()
            self._keep(stream, data)
        if final:
            if self._exports is not None:
                self._exports.finish()
            told = state.output.get("vars")
            self._vars = told if isinstance(told, dict) else {}

    def masked(self, text: str) -> str:
        """`text` without secrets."""
        return self._secrets.text(text) if self._secrets else text

    def report(self, warnings: Iterable[str]) -> dict[str, Any]:
        """The fields of an `Exit` that concern output."""
        out, err = self._captures[1], self._captures[2]
        said = list(warnings)
        exports: dict[str, Any] = {}
        if self._exports is not None:
            exports = {**self._vars, **self._exports.values}
            said += [self.masked(text) for text in self._exports.warnings]
            exports = self._secrets.export(exports) if self._secrets else exports
        if trouble := self._copies.trouble(self._attempt):
            said.append(trouble)
        return {
            "stdout": out.text(),
            "stderr": err.text(),
            "stdout_bytes": out.total,
            "stderr_bytes": err.total,
            "exports": exports,
            "warnings": tuple(said),
        }

    def _keep(self, stream: int, data: bytes) -> None:
        if data:
            offset = self._captures[stream].total
            self._copies.take(self._attempt, stream, offset, int(time.time() * 1000), data)
            self._captures[stream].add(data)
