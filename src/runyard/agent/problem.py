"""Refusals of requests: HTTP status and JSON of an error."""

from __future__ import annotations

from runyard.agent.answer import Answer
from runyard.agent.body import TooLarge
from runyard.agent.slots import Busy
from runyard.agent.spools import SpoolFull
from runyard.model.errors import (
    ConflictError,
    FencedError,
    NetworkError,
    NotFoundError,
    RunyardError,
    StoreError,
    SystemFault,
    UsageError,
)

_STATUSES: tuple[tuple[type[RunyardError], int], ...] = (
    (TooLarge, 413),
    (UsageError, 400),
    (NotFoundError, 404),
    (Busy, 429),
    (FencedError, 409),
    (ConflictError, 409),
    (SpoolFull, 507),
    (StoreError, 507),
    (SystemFault, 503),
    (NetworkError, 503),
)
_RETRY_AFTER = "1"


class Unauthorized(RunyardError):
    """No token, or another one: HTTP 401."""

    code = "TOKEN"
    hint = "show the token of the agent: `Authorization: Bearer TOKEN` or `X-Runner-Token: TOKEN`"


def status_of(error: RunyardError) -> int:
    """The HTTP status that says what kind of error it is."""
    if isinstance(error, Unauthorized):
        return 401
    if error.code == "BECOME":
        return 403
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem(error: RunyardError, status: int = 0, **more: str) -> Answer:
    """The answer that tells of `error`; `more` are headers, with `_` for `-`."""
    status = status or status_of(error)
    body = {
        "error": error.message,
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "run_id": "",
    }
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    if status == 429:
        headers["retry-after"] = _RETRY_AFTER
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return Answer(body, status, headers)
