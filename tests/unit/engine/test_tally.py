from __future__ import annotations

from runyard.engine.policy import Policy
from runyard.engine.tally import by_step, failure, finished_event
from runyard.model.result import StepResult
from runyard.model.status import Status
from tests.unit.engine.support import Do, bad, ok


def result(step: str, host: str, good: bool) -> StepResult:
    return StepResult(step, host, ok() if good else bad("exit code 7"), 1, 0.0, 1.0)


def test_the_worst_host_decides_and_all_are_counted() -> None:
    results = [result("s", "a", True), result("s", "b", False), result("s", "c", True)]
    event = finished_event(Do("s"), results)
    assert event.data == {"status": "failed", "message": "1 failed, 2 success"}
    assert finished_event(Do("s"), []).data == {"status": "skipped", "message": "not started"}
    event = finished_event(Do("s"), results, 7)
    assert event.data["message"] == "1 failed, 2 success, 4 not started"


def test_the_first_failure_that_is_not_tolerated() -> None:
    results = [result("t", "a", False), result("s", "b", False), result("s", "c", False)]
    tolerant = Do("t", policy=Policy(continue_on_error=True))
    assert failure(results, [tolerant, Do("s")]) == 'step "s" on b: exit code 7'
    assert failure(results[:1], [tolerant]) == ""


def test_those_who_were_canceled_are_not_the_cause() -> None:
    canceled = StepResult("s", "a", bad("stopped").but(status=Status.CANCELED), 1, 0.0, 1.0)
    results = [canceled, result("s", "b", False)]
    assert failure(results, [Do("s")]) == 'step "s" on b: exit code 7'
    assert failure(results[:1], [Do("s")]) == 'step "s" on a: stopped'


def test_results_by_step_keep_their_order() -> None:
    results = [result("s", "a", True), result("t", "a", True), result("s", "b", True)]
    assert [r.host for r in by_step(results)["s"]] == ["a", "b"]
