"""One run, from its first event to its last, in this process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from runyard.engine.halt import Halt
from runyard.engine.mailbox import Decision
from runyard.engine.pipeline import Pipeline
from runyard.engine.running import Ran, Running
from runyard.model.errors import FencedError, InternalError, RunyardError
from runyard.model.event import NewEvent
from runyard.model.light import dataclass
from runyard.model.result import StepResult
from runyard.model.run import RunRecord
from runyard.model.status import Status
from runyard.store.home import Ownership
from runyard.store.journal import Control, Journal

log = logging.getLogger("runyard.run")
_LISTEN_AGAIN = 0.5
_TURNS = 0.01  # seconds in which the loop tells everybody of an order


@dataclass(frozen=True, slots=True)
class Signals:
    """The two ways to stop a run: `halt` cleanly, `kill` with no grace and no clean-up."""

    halt: Halt
    kill: Halt

    @classmethod
    def new(cls) -> Signals:
        kill = Halt()
        return cls(Halt(kill), kill)


class RunTask:
    """Executes a run that is already in the journal and owned by us.

    Whatever happens, the run's last event is written before `wait` returns, unless the journal
    itself is out of reach or a newer owner has the run.
    """

    def __init__(
        self,
        journal: Journal,
        ownership: Ownership,
        running: Running,
        signals: Signals,
        pipeline: Pipeline,
    ) -> None:
        self._journal = journal
        self._ownership = ownership
        self._running = running
        self._signals = signals
        self._pipeline = pipeline
        self.run_id = running.run_id
        self.results: tuple[StepResult, ...] = ()

    async def execute(self) -> RunRecord:
        """Run the pipeline to its end and write down what it came to."""
        try:
            return await self._execute()
        finally:
            # Whatever ended us: who is told that nobody has the run can go on with it.
            self._ownership.close()

    async def _execute(self) -> RunRecord:
        listener = asyncio.ensure_future(self._listen())
        status, message, error = Status.FAILED, "", None
        written = False
        try:
            ran = await self._pipeline.run(self._running)
            self.results = ran.results
            # What hosts are told to forget below must be known here, whatever happens then.
            await self._running.ledger.record()
            written = True
            status, message = self._verdict(ran)
        except FencedError as fenced:
            return await self._lost(fenced)
        except RunyardError as failure:
            message, error = failure.message, failure.to_dict()
        except Exception as error_:
            defect = InternalError.of(error_, "the engine")
            message, error = defect.message, defect.to_dict()
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
            open_ = self._running.ledger.unsettled
            await self._running.fleet.close(done=written, but=open_)
        await self._finish(status, message, error)
        self._ownership.close()
        return await self._journal.get(self.run_id)

    def _verdict(self, ran: Ran) -> tuple[Status, str]:
        if ran.canceled:
            return Status.CANCELED, self._signals.halt.reason or "canceled"
        if ran.error:
            return Status.FAILED, ran.error
        return Status.SUCCESS, ""

    async def _finish(self, status: Status, message: str, error: Mapping[str, Any] | None) -> None:
        data: dict[str, Any] = {"status": status.value, "message": message}
        if error is not None:
            data["error"] = error
        elif status is Status.FAILED:
            data["error"] = message
        await self._running.ledger.record(NewEvent("run.finished", data=data))

    async def _lost(self, fenced: FencedError) -> RunRecord:
        """Somebody else has the run now: what is in the journal is theirs to say."""
        record = await self._journal.get(self.run_id)
        record.message = fenced.message
        return record

    async def _listen(self) -> None:
        """Act on what people ask of the run, from whatever process, until we are cancelled.

        What cannot be read now is read later, and what cannot be obeyed keeps nothing else from
        being obeyed: a run must stay stoppable.
        """
        after = 0
        while True:
            try:
                async for control in self._journal.follow_controls(self.run_id, after):
                    after = control.id
                    event = NewEvent("control.taken", data={"id": control.id, "kind": control.kind})
                    self._running.ledger.tell(event)
                    await self._obey(control)
            except Exception as error:
                log.warning("controls of run %s: %s: %s", self.run_id, type(error).__name__, error)
                await asyncio.sleep(_LISTEN_AGAIN)

    async def _obey(self, control: Control) -> None:
        data, mailbox = control.data, self._running.mailbox
        if control.kind == "cancel":
            reason = str(data.get("reason") or "canceled")
            self._signals.halt.request(reason)
            if data.get("kill"):
                # Twice within one turn of the loop would be heard once.
                await asyncio.sleep(_TURNS)
                self._signals.kill.request(reason)
        elif control.kind in ("approve", "reject"):
            decision = Decision(
                control.kind == "approve",
                by=str(data.get("by", "")),
                comment=str(data.get("comment", "")),
                values=data.get("values", {}),
                control=control.id,
            )
            await mailbox.post_decision(str(data.get("step", "")), decision)
        elif control.kind == "event":
            await mailbox.post_event(str(data["name"]), data.get("data", {}))
