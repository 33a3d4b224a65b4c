"""The one set of statuses, their transitions, and the spellings used at the edges."""

from __future__ import annotations

from enum import StrEnum

from runyard.model.errors import ConflictError


class Status(StrEnum):
    """Where a run, a step or an attempt stands (contract 1, "Run"; contract 3, "Runner")."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELED = "canceled"
    ERROR = "error"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        """True when nothing more is expected without a resume."""
        return self not in (Status.QUEUED, Status.RUNNING)

    @property
    def is_good(self) -> bool:
        """True when work that depends on this may go on."""
        return self in (Status.SUCCESS, Status.SKIPPED)


_RUN_NEXT: dict[Status | None, frozenset[Status]] = {
    None: frozenset({Status.QUEUED, Status.RUNNING}),
    Status.QUEUED: frozenset({Status.RUNNING, Status.FAILED, Status.CANCELED, Status.INTERRUPTED}),
    Status.RUNNING: frozenset({Status.SUCCESS, Status.FAILED, Status.CANCELED, Status.INTERRUPTED}),
}
_RESUMABLE = frozenset({Status.FAILED, Status.CANCELED, Status.INTERRUPTED})


def check_run_transition(old: Status | None, new: Status, *, resume: bool = False) -> None:
    """Allow a run to go from `old` to `new`, or raise (contract 1, "Run").

    `resume` is the only way out of failed, canceled and interrupted; success is final for ever.

    Raises:
        ConflictError: the transition is not in the table.
    """
    if new in _RUN_NEXT.get(old, frozenset()):
        return
    if resume and old in _RESUMABLE and new is Status.RUNNING:
        return
    raise ConflictError(f"a run cannot go from {old or 'nothing'} to {new}", code="RUN_TRANSITION")


_SPELLINGS = {
    "pending": Status.QUEUED,
    "succeeded": Status.SUCCESS,
    "completed": Status.SUCCESS,
    "stopped": Status.CANCELED,
    "cancelled": Status.CANCELED,
}


def parse_status(text: str) -> Status:
    """Read a status as any of our edges spells it (`PENDING`, `Succeeded`, `cancelled`, …).

    Raises:
        ValueError: no status is spelled so.
    """
    word = text.strip().lower()
    return _SPELLINGS.get(word) or Status(word)
