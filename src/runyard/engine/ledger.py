"""The engine's side of the journal: what is done, what is in flight, what to write down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from runyard.engine.flying import Flying, is_lost
from runyard.model.event import Event, NewEvent
from runyard.model.result import OFFLINE, Outcome, StepResult
from runyard.model.status import Status
from runyard.store.journal import AttemptRow, Journal


class Ledger:
    """Writes one run's events and remembers what its earlier lives reached.

    An intent is committed before the work is started. A result is handed to the journal at once
    and is committed, at the latest, before the next intent and before the end of the run. Events
    that only tell (`step.started`, `step.finished`) are handed over in the same way.
    """

    def __init__(
        self,
        journal: Journal,
        run_id: str,
        epoch: int,
        past: Iterable[AttemptRow] = (),
        approved: Iterable[str] = (),
        checks: Iterable[Flying] = (),
        *,
        undoes: bool = False,
    ) -> None:
        self._journal = journal
        self.run_id = run_id
        self.epoch = epoch
        self._approved = frozenset(approved)
        self._checks = {(check.step, check.host): check for check in checks}
        self._begun: set[str] = set()
        self._repeated = ("finally:",) if undoes else ("finally:", "rollback:")
        self._told: list[NewEvent] = []
        self._handed: set[asyncio.Task[list[Event]]] = set()
        self._newest: asyncio.Task[list[Event]] | None = None
        self._failure: BaseException | None = None
        self._last: dict[tuple[str, str], AttemptRow] = {}
        self._tries: dict[tuple[str, str], int] = {}
        for row in past:
            at = row.step, row.host
            if (
                row.n
                or row.result is None
                or _done(row.result)
                or not in_flight(self._last.get(at))
            ):
                # A life that only failed to reach the host leaves what runs there in flight.
                self._last[at] = row
            self._tries[at] = max(row.n, self._tries.get(at, 0))
            if row.step.startswith("rollback:"):
                # What was undone, be it in part, is no longer done, and may be undone again.
                self._last.pop((row.step.removeprefix("rollback:"), row.host), None)
        self._open = {at for at, row in self._last.items() if in_flight(row)}

    @property
    def unsettled(self) -> set[str]:
        """Hosts that may be asked again what became of an attempt."""
        return {host for _, host in self._open}

    def last_try(self, step: str, host: str) -> tuple[int, bool]:
        """Number of the last attempt so far, and whether an earlier life left it without end.

        So it did with one whose host it lost: the work there may have gone on.
        """
        return self._tries.get((step, host), 0), in_flight(self._last.get((step, host)))

    def reached(self, step: str, host: str) -> StepResult | None:
        """The result of an earlier life that need not be done again, or None.

        What is done in any case (`finally:`) is done again in each life. So are rollbacks, unless
        the run is there to undo another one (`undoes`).
        """
        row = self._last.get((step, host))
        if row is None or row.result is None or not row.done:
            return None
        if step.startswith(self._repeated):
            return None
        return from_data(step, host, row.result) if _done(row.result) else None

    def approved(self, step: str) -> bool:
        """True when an earlier life of the run was allowed to start `step`."""
        return step in self._approved

    def has_begun(self, step: str) -> bool:
        """True when this life has told that it begins with `step`."""
        return step in self._begun

    def tell(self, event: NewEvent) -> None:
        """Write `event` with the next commit, which comes soon whatever happens."""
        if event.type == "step.started":
            self._begun.add(event.step)
        self._told.append(event)
        asyncio.get_running_loop().call_soon(self._hand_over)

    async def record(self, *events: NewEvent) -> None:
        """Commit what was handed over, what was told, and `events`, in this order.

        Raises:
            FencedError: a newer owner has this run.
            StoreError: the journal cannot be written.
        """
        self._told.extend(events)
        if self._handed or self._failure is not None:
            self._hand_over()
            # All before the newest are through when it is. Each is not waited for by itself: that
            # would be hosts × hosts of them.
            if self._newest is not None:
                await asyncio.wait([self._newest])
            if self._failure is not None:
                raise self._failure
        elif self._told:
            batch = self._told
            self._told = []
            await self._journal.commit(self.run_id, self.epoch, batch)

    def _hand_over(self) -> None:
        """Begin a commit of what was told; commits are applied in the order of their beginning."""
        if self._told:
            commit = self._journal.commit(self.run_id, self.epoch, self._told)
            newest = self._newest = asyncio.create_task(commit)
            newest.add_done_callback(self._land)
            self._handed.add(newest)
            self._told = []

    def _land(self, commit: asyncio.Task[list[Event]]) -> None:
        self._handed.discard(commit)
        if not commit.cancelled() and (error := commit.exception()) is not None:
            # A hole in the log: whoever records something from now on hears of it.
            self._failure = self._failure or error

    async def intend(self, flying: Flying) -> None:
        """Commit that an attempt is about to be started, as whom, and with which grace.

        That is what somebody who finds the run dead needs to know to end it.
        """
        data: dict[str, Any] = {"n": flying.n, "grace": flying.grace}
        if flying.become:
            data["become"] = flying.become
        if not flying.check:
            self._tries[flying.step, flying.host] = flying.n
        kind = "check.started" if flying.check else "attempt.started"
        await self.record(NewEvent(kind, flying.step, flying.host, data))

    def take_check(self, step: str, host: str) -> Flying | None:
        """The check that an earlier life left at work, once; it is the caller's to end."""
        return self._checks.pop((step, host), None)

    def miss(self, result: StepResult) -> None:
        """Hand over that a try ended and another one will follow."""
        self.tell(
            NewEvent(
                "attempt.finished",
                result.step,
                result.host,
                {"n": result.attempt, "result": to_data(result)},
            )
        )

    def reach(self, result: StepResult, *, tolerated: bool = False) -> None:
        """Hand the final result of a step on a host over to the journal.

        When the next intent follows at once, both are one transaction: a sequence of steps costs
        one commit each.
        """
        at = result.step, result.host
        self._last.pop(at, None)
        data = to_data(result)
        if is_lost(data):
            self._open.add(at)
        elif result.attempt:  # else the host was not even reached, and what runs there goes on
            self._open.discard(at)
        if tolerated:
            data["tolerated"] = True
        self.tell(NewEvent("result.reached", result.step, result.host, {"result": data}))


_DEFAULTS: Mapping[str, Any] = asdict(Outcome(Status.SUCCESS))


def to_data(result: StepResult) -> dict[str, Any]:
    """A result as the journal keeps it; fields at their default are left out."""
    out = result.outcome
    data: dict[str, Any] = {
        "status": out.status.value,
        "attempt": result.attempt,
        "started_at": result.started_at,
        "ended_at": result.ended_at,
    }
    for name, default in _DEFAULTS.items():
        if name not in ("status", "logged") and (value := getattr(out, name)) != default:
            data[name] = value
    return data


def from_data(step: str, host: str, data: Mapping[str, Any]) -> StepResult:
    """The inverse of `to_data`."""
    fields = {name: data[name] for name in _DEFAULTS if name in data and name != "status"}
    if "warnings" in fields:
        fields["warnings"] = tuple(fields["warnings"])
    outcome = Outcome(Status(data["status"]), logged=True, **fields)
    return StepResult(step, host, outcome, data["attempt"], data["started_at"], data["ended_at"])


def in_flight(row: AttemptRow | None) -> bool:
    """Whether what an attempt started may still run, as far as the journal knows."""
    return row is not None and row.n > 0 and (row.result is None or is_lost(row.result))


def _done(result: Mapping[str, Any]) -> bool:
    """Good, or bad and tolerated: not to be done again.

    What was left out because its host was away is to be done when the host is there.
    """
    if result.get("ended_by") == OFFLINE:
        return False
    return Status(result["status"]).is_good or bool(result.get("tolerated", False))
