"""The Journal: the one truth about runs, and the only place that writes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from runyard.model.event import Event, NewEvent
from runyard.model.light import dataclass
from runyard.model.run import RunFilter, RunRecord
from runyard.model.status import Status


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt as the log tells it.

    Attributes:
        n: from 1; 0 is a step × host that was done without starting anything.
        result: data of its result, or None while it is in flight (or was, when its owner died).
        done: the step × host ended with this attempt; False means that another try followed.
    """

    step: str
    host: str
    n: int
    status: Status
    started_at: float | None = None
    result: dict[str, Any] | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """Something a person asked of a run: `cancel`, `approve`, `reject`, `event`."""

    id: int
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Notice:
    """A status change that a notifier has yet to be told of."""

    seq: int
    payload: dict[str, Any]


class Journal(Protocol):
    """Runs, their events, and what is asked of them.

    Order: the events of a run are numbered from 1 without a gap, in the order of the commits; a
    commit is one transaction, all or nothing. Commits of one process are applied in the order in
    which they were called. When a commit has returned it survives kill -9 of this process.

    Rows (status, steps, attempts) are a fold of the events and are never written otherwise.

    Cancelling a task that awaits a write does not undo the write.

    Every method raises StoreError when the database cannot be used (code `DISK_FULL` when there
    is no room), and NotFoundError (code `RUN`) for an unknown run. One Journal belongs to one
    event loop.
    """

    async def create(
        self,
        record: RunRecord,
        spec: Mapping[str, Any],
        events: Sequence[NewEvent] = (),
        owner: str | None = None,
    ) -> int:
        """Add a run with its first events; returns its epoch, 1.

        `spec` is what a resume needs. Without `run.queued` or `run.started` among the events,
        the one that fits `record.status` is put first. `owner` names the flock file (relative to
        the state home) whose being free means that the owner is dead: None is the run's own,
        which the caller holds already (`Home.own`); "" is nobody, for a run that waits in a
        queue. Raises ConflictError `RUN_EXISTS`.
        """

    async def commit(self, run_id: str, epoch: int, events: Sequence[NewEvent]) -> list[Event]:
        """Append events and fold them into the rows, in one transaction.

        Raises:
            FencedError: `epoch` is not the run's: somebody else has claimed it.
            ConflictError: `RUN_TRANSITION`, or `RUN_FINAL`: the run has ended; only
                `notify.failed` and `run.swept` may follow, and everything after a claim.
        """

    async def claim(self, run_id: str, owner: str | None = None) -> int:
        """Become the owner: raises the epoch, which fences the former owner, and returns it.

        The caller holds the flock of `owner` already. A failed, canceled or interrupted run
        becomes running (the journal itself appends `run.resumed{epoch, owner}`, and cancels that
        nobody took are void), so does one that a dead owner left running. A queued run stays
        queued (`run.claimed`). Raises ConflictError `RUN_TRANSITION` for a successful run.
        """

    async def get(self, run_id: str, *, outputs: bool = True) -> RunRecord:
        """The record with its steps and hosts, in the order of the workflow.

        Steps without a place in it follow, as they were begun.
        """

    async def spec(self, run_id: str) -> dict[str, Any]:
        """What `create` was given."""

    async def events(self, run_id: str, after: int = 0, limit: int = 1000) -> list[Event]:
        """Up to `limit` events with a seq above `after`."""

    def follow(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        """The events above `after`: those that are there, then each as it is committed.

        Writes of this process come at once, those of others within 10 ms (100 ms when nothing
        has happened for a while). Ends when the run is final and everything was given.
        """

    async def attempts(self, run_id: str) -> list[AttemptRow]:
        """Every attempt, the one that was touched last at the end."""

    async def post(self, run_id: str, kind: str, data: Mapping[str, Any]) -> int:
        """Ask something of the run's owner, whoever it is; returns the control's id.

        Raises ConflictError `RUN_FINAL` when the run has ended.
        """

    async def controls(self, run_id: str, after: int = 0) -> list[Control]:
        """What was asked, in order, from the id above `after`."""

    def follow_controls(self, run_id: str, after: int = 0) -> AsyncIterator[Control]:
        """Like `follow`, for controls; never ends by itself."""

    async def unowned(self) -> list[RunRecord]:
        """Queued and running runs whose owner is dead (its flock is free), without steps."""

    async def interrupt_unowned(self, reason: str) -> list[str]:
        """Make those runs interrupted, with a raised epoch; returns their ids.

        Idempotent, and safe to call from many processes at once.
        """

    async def notices(self, run_id: str, reader: str = "notifier") -> list[Notice]:
        """Status changes of a run that `reader` was not yet told of, in order."""

    async def delivered(self, run_id: str, seq: int, reader: str = "notifier") -> None:
        """Note that `reader` was told of everything up to `seq`. Idempotent; never goes back."""

    async def lease(self, resource: str, holder: str, seconds: float) -> int:
        """Take or renew the lease of `resource`; returns its epoch, new for each new holder.

        Raises ConflictError `LEASE_HELD` naming the holder.
        """

    async def release(self, resource: str, holder: str) -> None:
        """End a lease early. Idempotent; nothing happens when `holder` does not hold it."""

    async def delete(self, run_id: str) -> None:
        """Forget a run that has ended. Raises ConflictError `RUN_ACTIVE`. Idempotent."""

    async def close(self) -> None:
        """Wait for the commits under way, then let go of the database. Idempotent."""

    async def list(self, filter: RunFilter) -> list[RunRecord]:
        """Matching runs, newest first, without their steps."""
