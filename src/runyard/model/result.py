"""Results: what rises from step to pipeline by return value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from runyard.model.errors import HostLost, RunyardError
from runyard.model.light import dataclass
from runyard.model.status import Status

OFFLINE = "offline"

LOST = (HostLost.code, "INTERRUPTED")
"""Codes of errors that say: what became of the work is not known."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one execution of an action on one host came to.

    Attributes:
        status: success, failed (ran, ended badly), timeout, canceled, error (could not be run),
            skipped.
        stdout, stderr: bounded head and tail; the complete streams are in the output store.
        exit_code, signal, ended_by: see `Exit`; `offline` when it was skipped for want of its host.
        error: for every status but success and skipped; `to_dict()` of a RunyardError.
        exports: variables for later steps. `env`: the same from `env.set` (lower precedence).
        changed: the host is different now; drives `notify` and rollback.
        logged: the streams are already in the output store (a supervised process wrote them).
        data: structured result of the action (HTTP status, checksum, …).
    """

    status: Status
    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    signal: int | None = None
    ended_by: str = "exit"
    error: Mapping[str, Any] | None = None
    message: str = ""
    exports: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, Any] = field(default_factory=dict)
    changed: bool = False
    warnings: tuple[str, ...] = ()
    swept: int = 0
    survivors: int = 0
    cpu: float = 0.0
    peak_memory: int = 0
    output_bytes: int = 0
    logged: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_error(cls, error: RunyardError, **more: Any) -> Outcome:
        """An `error`, `timeout` or `canceled` outcome from an exception of the tree."""
        status = {"timeout": Status.TIMEOUT, "canceled": Status.CANCELED}.get(
            error.klass, Status.ERROR
        )
        return cls(status=status, error=error.to_dict(), message=error.message, **more)

    @property
    def is_lost(self) -> bool:
        """True when contact with the host was lost: what became of the work is not known.

        Also afterwards, when nobody at the host can tell.
        """
        return (self.error or {}).get("code") in LOST

    def but(self, **changes: Any) -> Outcome:
        """A copy with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step on one host, ended (contract 3, "Pipeline → Module → Task → Step").

    `attempt` counts from 1; 0 means that nothing was started (skipped by `when`, by `check`, …).
    Times are seconds since the epoch.
    """

    step: str
    host: str
    outcome: Outcome
    attempt: int
    started_at: float
    ended_at: float

    @property
    def status(self) -> Status:
        return self.outcome.status

    @property
    def duration(self) -> float:
        """Seconds."""
        return max(0.0, self.ended_at - self.started_at)
