"""A step that is an action, and what undoes it."""

from __future__ import annotations

from runyard.engine.action_step import ActionStep
from runyard.engine.policy import Call, Offline, Policy
from runyard.runners.registry import ActionRegistry


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
