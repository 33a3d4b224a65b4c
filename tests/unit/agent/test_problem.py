from __future__ import annotations

import json

import pytest

from runyard.agent.body import TooLarge
from runyard.agent.order import BadRequest
from runyard.agent.problem import Unauthorized, problem
from runyard.agent.slots import Busy
from runyard.agent.spools import SpoolFull
from runyard.model.errors import (
    FencedError,
    InternalError,
    NetworkError,
    NotFoundError,
    RunyardError,
    StoreError,
    SystemFault,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadRequest("x"), 400),
        (Unauthorized("x"), 401),
        (SystemFault("x", code="BECOME"), 403),
        (NotFoundError("x"), 404),
        (FencedError("x"), 409),
        (TooLarge("x"), 413),
        (Busy("x"), 429),
        (SpoolFull("x"), 507),
        (StoreError("x"), 507),
        (SystemFault("x"), 503),
        (NetworkError("x"), 503),
        (InternalError("x"), 500),
        (RunyardError("x"), 500),
    ],
)
def test_what_http_says(error: RunyardError, status: int) -> None:
    answer = problem(error)
    body = json.loads(bytes(answer.body))
    assert answer.status_code == status
    assert (body["error"], body["code"], body["hint"]) == ("x", error.code, error.hint)
    assert ("retry-after" in answer.headers) == (status == 429)
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_more_headers() -> None:
    assert problem(BadRequest("x"), 405, allow="GET").headers["allow"] == "GET"
