"""Stopping a run and knowing what came of it, whether or not its owner is there to obey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runyard.cli.ending import lost, survivors
from runyard.cli.style import Paint
from runyard.cli.waiting import until_final
from runyard.hosts.site import Access
from runyard.model.light import dataclass
from runyard.model.run import RunRecord
from runyard.model.status import Status

if TYPE_CHECKING:
    from runyard.service.desk import Cancellation
    from runyard.service.runs import Runs

_AS_BEFORE = Access()


@dataclass(frozen=True, slots=True)
class Stopped:
    """A run that has ended; `left` is what was found of it, and ended, after its end."""

    record: RunRecord
    left: Cancellation | None = None

    @property
    def survivors(self) -> int:
        """Processes that could not be ended. In the record are only those that its owner saw."""
        return survivors(self.record) + (self.left.survivors if self.left is not None else 0)

    @property
    def clean(self) -> bool:
        """True when it was stopped and nothing of it is left."""
        stopped = self.record.status is Status.CANCELED or self.left is not None
        return stopped and not self.survivors and not self.unreached

    @property
    def unreached(self) -> Mapping[str, str]:
        """Hosts where what ran may go on, and why."""
        return self.left.unreached if self.left is not None else lost(self.record)

    def text(self, paint: Paint) -> str:
        """`canceled: RUN, survivors: 0`; of a run that had ended also how many attempts ended now.

        A line follows for each host that was not reached, and one that tells what can be done.
        """
        run, status = self.record.run_id, self.record.status
        ended = f", ended now: {self.left.ended}" if self.left is not None else ""
        line = f"{paint.status(status)}: {run}{ended}, survivors: {self.survivors}"
        if status is Status.INTERRUPTED:
            line += f"; `finally` was not run: `runyard resume {run}` goes on from here"
        lines = [line]
        for host, why in self.unreached.items():
            lines.append(f"not reached: {host}, what ran there may go on: {why}")
        if self.unreached:
            lines.append(
                f"  {paint('hint:', 'cyan')} `runyard cancel {run}` again ends what is left"
            )
        return "\n".join(lines)


async def stop(
    runs: Runs,
    run_id: str,
    reason: str,
    *,
    kill: bool,
    wait: bool,
    timeout: float,
    access: Access = _AS_BEFORE,
) -> Stopped | None:
    """Cancel the run and see it end; None when it was only asked to (without `wait`).

    When its owner dies before it has obeyed, what it left behind is ended from here; so is what
    is left of a run that has ended: nothing is taken for gone that nobody has seen go.

    Raises:
        ConflictError: it has ended, and nothing of it is left, or somebody resumes it now.
        DeadlineError: it has not ended after `timeout` seconds; 0 waits for ever.
    """
    while True:
        left = await runs.cancel(run_id, reason, kill=kill, access=access)
        if left is not None:
            return Stopped(await runs.get(run_id), left)
        if not wait:
            return None
        record = await until_final(runs, run_id, timeout)
        if record.status is not Status.INTERRUPTED:
            return Stopped(record)
