from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.engine.retry import Retry
from runyard.model.errors import (
    ArgumentError,
    CanceledError,
    HostLost,
    NetworkError,
    SystemFault,
)
from runyard.model.result import Outcome
from runyard.model.status import Status


def failed(code: int) -> Outcome:
    error = {"class": "execution", "retryable": True}
    return Outcome(Status.FAILED, exit_code=code, error=error)


@pytest.mark.parametrize(
    ("on", "outcome", "again"),
    [
        ((), failed(1), True),
        ((), Outcome.of_error(NetworkError("gone")), True),
        ((), Outcome.of_error(ArgumentError("wrong")), False),
        ((), Outcome.of_error(CanceledError("stop")), False),
        ((), Outcome(Status.SUCCESS), False),
        (("network",), failed(1), False),
        (("network",), Outcome.of_error(NetworkError("gone")), True),
        (("exit:75",), failed(75), True),
        (("exit:75",), failed(7), False),
        (("any",), Outcome.of_error(ArgumentError("wrong")), True),
        (("any",), Outcome.of_error(HostLost("gone")), False),
        (("any",), Outcome.of_error(SystemFault("who knows", code="INTERRUPTED")), False),
    ],
)
def test_what_is_tried_again(on: tuple[str, ...], outcome: Outcome, again: bool) -> None:
    assert Retry(attempts=2, on=on).wants(outcome, 1) is again
    assert not Retry(attempts=2, on=on).wants(outcome, 2)


@given(st.integers(1, 200), st.floats(0, 10), st.floats(1, 4), st.floats(0, 0.9))
def test_pauses_grow_to_the_bound_and_jitter_stays_in_its_share(
    attempt: int, delay: float, backoff: float, jitter: float
) -> None:
    retry = Retry(attempts=9, delay=delay, backoff=backoff, max_delay=30, jitter=jitter)
    exact = Retry(attempts=9, delay=delay, backoff=backoff, max_delay=30, jitter=0).pause(attempt)
    assert 0 <= exact <= 30
    assert exact * (1 - jitter) - 1e-9 <= retry.pause(attempt) <= exact * (1 + jitter) + 1e-9
