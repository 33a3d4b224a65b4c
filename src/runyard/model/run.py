"""The record of a run, as every reader sees it."""

from __future__ import annotations

from dataclasses import asdict, field
from typing import Any, Protocol

from runyard.model.light import dataclass
from runyard.model.status import Status

SWEPT = "ended by a later cancel"
"""The message of a host whose attempt had no known end, and was ended after the run."""


@dataclass(slots=True)
class HostRecord:
    """One step on one host (contract 1, "Run").

    `started_at` is that of its first attempt, in whichever life of the run; `worked` are the
    seconds that its attempts took, all together, without what was between them.
    """

    host: str
    status: Status
    started_at: float | None = None
    finished_at: float | None = None
    message: str = ""
    output: dict[str, Any] = field(default_factory=dict)
    worked: float = 0.0


@dataclass(slots=True)
class StepRecord:
    """One step over its hosts."""

    name: str
    status: Status
    started_at: float | None = None
    finished_at: float | None = None
    message: str = ""
    hosts: dict[str, HostRecord] = field(default_factory=dict)


@dataclass(slots=True)
class RunRecord:
    """A snapshot of a run; `version` counts writes (contract 1, "Run")."""

    run_id: str
    workflow_name: str = ""
    workflow_version: str = ""
    status: Status = Status.QUEUED
    message: str = ""
    last_error: str = ""
    interrupted_reason: str = ""
    last_notify_error: str = ""
    version: int = 0
    started_at: float | None = None
    finished_at: float | None = None
    updated_at: float | None = None
    kind: str = "workflow"
    epoch: int = 1
    steps: list[StepRecord] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON shape; statuses are plain strings."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list; newest first."""

    status: Status | None = None
    workflow_name: str | None = None
    kind: str | None = None
    limit: int = 100


class RunStore(Protocol):
    """Where snapshots go; injected by whoever embeds the engine (contract 1, "Run").

    `update_run` compares versions: it raises ConflictError unless `record.version` is the stored
    one plus 1 (`create_run`: ConflictError when the id is taken). `get_run` raises NotFoundError.
    """

    async def create_run(self, record: RunRecord) -> None: ...

    async def update_run(self, record: RunRecord) -> None: ...

    async def get_run(self, run_id: str) -> RunRecord: ...

    async def list_runs(self, filter: RunFilter) -> list[RunRecord]: ...

    async def mark_interrupted_running(self, reason: str) -> list[str]:
        """Make every queued or running run interrupted; returns their ids."""


class Notifier(Protocol):
    """Told of every status change of a run, step or host, in order per run."""

    async def notify(self, payload: dict[str, Any]) -> None:
        """Payload: `run_id workflow_name status step host timestamp error version`."""
