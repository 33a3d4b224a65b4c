"""Canceling runs that have ended: what the journal tells of them, and what is written down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from runyard.hosts.inventory import Host, Inventory
from runyard.model.errors import ConflictError, HostLost, NetworkError
from runyard.model.event import NewEvent
from runyard.model.run import SWEPT, HostRecord, RunRecord
from runyard.model.status import Status
from runyard.service.abandoned import Elsewhere
from runyard.service.desk import Cancellation
from runyard.service.job import RunOptions
from runyard.service.runs import Runs
from tests.integration.support import with_runs

RUN = "run-00000001"
BEGUN = NewEvent("attempt.started", "s", "h", {"n": 1, "grace": 1.0})
_ERROR = HostLost.of("h", NetworkError("no route"), canceled=True)
LOST = NewEvent(
    "result.reached",
    "s",
    "h",
    {
        "result": {
            "status": "error",
            "attempt": 1,
            "message": _ERROR.message,
            "error": _ERROR.to_dict(),
        }
    },
)
GOOD = NewEvent("result.reached", "s", "h", {"result": {"status": "success", "attempt": 1}})


async def ended(runs: Runs, events: Sequence[NewEvent], status: str, *hosts: Host) -> None:
    """A run that has ended after `events`, with these hosts."""
    spec = {
        "text": "",
        "options": RunOptions().to_dict(),
        "inventory": Inventory.of(hosts).to_dict(),
    }
    await runs.journal.create(RunRecord(RUN, "w", status=Status.RUNNING), spec)
    end = NewEvent("run.finished", data={"status": status})
    await runs.journal.commit(RUN, 1, [NewEvent("step.started", "s"), *events, end])


async def host(runs: Runs) -> HostRecord:
    return (await runs.get(RUN)).steps[0].hosts["h"]


@pytest.mark.parametrize("status", ["canceled", "failed", "success"])
def test_what_was_lost_is_looked_for_and_then_known_to_have_ended(
    tmp_path: Path, status: str
) -> None:
    async def scenario(runs: Runs) -> None:
        await ended(runs, [BEGUN, LOST], status, Host("h"))
        assert await runs.cancel(RUN) == Cancellation(0, 0)
        assert (await host(runs)).message == SWEPT
        assert (await runs.get(RUN)).status == status
        with pytest.raises(ConflictError) as caught:
            await runs.cancel(RUN)
        assert caught.value.code == "RUN_FINAL"

    with_runs(tmp_path, scenario)


def test_a_run_of_which_nothing_is_left_has_ended(tmp_path: Path) -> None:
    async def scenario(runs: Runs) -> None:
        await ended(runs, [BEGUN, GOOD], "canceled", Host("h"))
        with pytest.raises(ConflictError) as caught:
            await runs.cancel(RUN)
        assert caught.value.code == "RUN_FINAL"

    with_runs(tmp_path, scenario)


def test_a_host_that_is_nowhere_any_more_is_named_each_time(tmp_path: Path) -> None:
    async def scenario(runs: Runs) -> None:
        await ended(runs, [BEGUN, LOST], "canceled", Host("another"))
        for _ in range(2):
            left = await runs.cancel(RUN)
            assert left == Cancellation(0, 0, {"h": "it is not in the inventory of the run"})
            assert (await host(runs)).message == _ERROR.message
            assert await Elsewhere.count(runs.journal, RUN) == 1

    with_runs(tmp_path, scenario)
