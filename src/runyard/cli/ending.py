"""How a run ended: counts, the failure to look at, the exit code."""

from __future__ import annotations

import time
from collections import Counter

from runyard.cli import failure
from runyard.model.errors import HostLost
from runyard.model.event import Event
from runyard.model.light import dataclass
from runyard.model.run import SWEPT, HostRecord, RunRecord, StepRecord
from runyard.model.status import Status

_CODES = {
    Status.SUCCESS: 0,
    Status.CANCELED: failure.CANCELED,
    Status.INTERRUPTED: failure.INTERRUPTED,
}
COUNTED = ("ok", "changed", "skipped", "failed", "canceled", "interrupted")


@dataclass(slots=True)
class Ending:
    """Folds events into what a record does not tell: refused or open approvals, the error."""

    refused: bool = False
    open: int = 0
    hint: str = ""

    def see(self, event: Event) -> None:
        """Take notice of an event."""
        if event.type == "approval.requested":
            self.open += 1
        elif event.type == "approval.decided":
            self.open -= 1
            self.refused |= event.data.get("decision") == "rejected"
        elif event.type == "run.finished" and isinstance(error := event.data.get("error"), dict):
            self.hint = str(error.get("hint") or "")


def exit_code(record: RunRecord, ending: Ending | None = None) -> int:
    """The process's exit code for a run that has ended (docs/reference/exit-codes.md).

    A run that goes on has been taken over by another process: we were fenced.
    """
    if record.status is Status.FAILED and ending and (ending.refused or ending.open > 0):
        return failure.NOT_APPROVED
    if not record.status.is_final:
        return failure.INTERRUPTED
    return _CODES.get(record.status, failure.FAILED)


def tally(record: RunRecord) -> dict[str, int]:
    """Step × host results by what they came to; a changed one counts as ok and as changed."""
    counts = Counter(dict.fromkeys(COUNTED, 0))
    for step in record.steps:
        for host in step.hosts.values():
            word = _WORDS.get(host.status)
            if word:
                counts[word] += 1
            if word == "ok" and host.output.get("changed"):
                counts["changed"] += 1
    return dict(counts)


_WORDS = {
    Status.SUCCESS: "ok",
    Status.SKIPPED: "skipped",
    Status.FAILED: "failed",
    Status.ERROR: "failed",
    Status.TIMEOUT: "failed",
    Status.CANCELED: "canceled",
    Status.INTERRUPTED: "interrupted",
}


def failures(record: RunRecord) -> list[tuple[StepRecord, HostRecord]]:
    """Every step × host that failed, in order."""
    return [
        (step, host) for step in record.steps for host in step.hosts.values() if is_failure(host)
    ]


def is_failure(host: HostRecord) -> bool:
    """True when the step failed on this host, in whatever way."""
    return _WORDS.get(host.status) == "failed"


def survivors(record: RunRecord) -> int:
    """Processes known to live on although they were to be ended; 0 is the promise.

    It tells nothing about attempts of which no end is known (`unknown`).
    """
    return sum(
        int(host.output.get("survivors") or 0)
        for step in record.steps
        for host in step.hosts.values()
    )


def unknown(record: RunRecord) -> int:
    """Attempts of a run that has ended whose end nobody saw: they may still be running."""
    return sum(_is_unknown(host) for step in record.steps for host in step.hosts.values())


def lost(record: RunRecord) -> dict[str, str]:
    """Hosts with which contact was lost, and was not found again, and what is known of that."""
    return {
        host.host: host.message
        for step in record.steps
        for host in step.hosts.values()
        if _is_lost(host)
    }


def _is_unknown(host: HostRecord) -> bool:
    return _is_lost(host) or (host.status is Status.INTERRUPTED and host.finished_at is None)


def _is_lost(host: HostRecord) -> bool:
    code = (host.output.get("error") or {}).get("code")
    return code == HostLost.code and host.message != SWEPT


def not_run(record: RunRecord) -> list[tuple[StepRecord, int]]:
    """Steps that a run which has ended did not begin on so many of their hosts, in order."""
    if not record.status.is_final:
        return []
    counts = [
        (step, sum(host.status is Status.QUEUED for host in step.hosts.values()))
        for step in record.steps
    ]
    return [(step, left) for step, left in counts if left]


def elapsed(record: RunRecord) -> float:
    """Seconds from the start of the run to its end, or to now while it goes on."""
    start = record.started_at
    end = record.finished_at or (record.updated_at if record.status.is_final else time.time())
    return max(0.0, end - start) if start and end else 0.0
