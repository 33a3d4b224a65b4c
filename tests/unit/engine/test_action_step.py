"""A step that is an action, and what undoes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.engine.action_step import ActionStep
from runyard.engine.policy import Call, Offline, Policy
from runyard.engine.task import Task
from runyard.model.execution import Exec, Exit
from runyard.model.status import Status
from runyard.runners.registry import ActionRegistry
from tests.unit.engine.support import RUN, Bench, Way, bench


def test_what_was_done_as_another_user_is_undone_as_that_user() -> None:
    action = ActionRegistry().require("cmd.run")
    policy = Policy(become="root", offline=Offline("wait"), notify=("restart",))
    call = Call(action, {"cmd": "true"})
    step = ActionStep("s", call, policy=policy, item={"item": 1}, rollback=call)
    undo = step.undo()
    assert undo is not None
    assert (undo.key, undo.item) == ("rollback:s", {"item": 1})
    assert undo.policy.become == "root"
    assert undo.policy.offline == Offline("wait")
    assert undo.policy.notify == ()  # a handler is for what changed, not for what is as before
    assert ActionStep("s", call).undo() is None


class Ends(Way):
    """Every command ends in one way."""

    def __init__(self, end: Exit) -> None:
        super().__init__("a")
        self.end = end
        self.asked: list[str] = []

    async def exec(self, work: Exec) -> Exit:
        self.asked.append(work.attempt)
        return self.end


@pytest.mark.parametrize(
    ("end", "status", "message"),
    [
        (Exit(0, None, "exit"), Status.SKIPPED, "check: already done"),
        (Exit(None, 15, "cancel"), Status.CANCELED, "check: canceled"),
        (Exit(None, None, "lost"), Status.ERROR, "check could not be run: the supervisor was lost"),
    ],
)
def test_how_a_check_ends(tmp_path: Path, end: Exit, status: Status, message: str) -> None:
    async def scenario(b: Bench) -> None:
        way = b.ways["a"] = Ends(end)
        call = Call(ActionRegistry().require("cmd.run"), {"cmd": "true"})
        step = ActionStep("s", call, check_call=call)
        (result,) = (await Task("t", (step,)).run(b.running())).results
        assert result.status is status
        assert result.outcome.message.startswith(message)
        assert way.asked == [f"{RUN}/s~check/a/1"]
        assert "check.started" in await b.types()

    bench(tmp_path, scenario)
