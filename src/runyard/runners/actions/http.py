"""http.request: one HTTP request and what its answer means."""

from __future__ import annotations

import re
from typing import Any

from runyard.model.action import Param, Work
from runyard.model.errors import ArgumentError, ExecutionError
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.convert import to_text
from runyard.runners.web import BODY_LIMIT, Request, Response, fetch, safe_url

_PRIVATE = re.compile(r"cookie|authorization|authenticate|token|secret|api-?key", re.IGNORECASE)
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class HttpRequest:
    """Sends a request; the body of the answer is the stdout.

    It is sent by the host's agent when there is one of ours, else from the machine that
    dispatches: also over SSH and for containers.

    The engine does the retries: connection failures are of class network, a status that was not
    expected is retryable when it is one of 408 425 429 500 502 503 504.
    """

    name = "http.request"
    summary = "Send an HTTP request"
    params = (
        Param("url", "string", "http:// or https:// URL", required=True),
        Param("method", "string", "GET, POST, PUT, PATCH, DELETE, …", default="GET"),
        Param("headers", "map", "request headers", default={}),
        Param("body", "string", "request body as text"),
        Param("json", "any", "request body as a value, sent as JSON"),
        Param("expected_status", "ints", "statuses that are a success (default: 200 to 299)"),
        Param("timeout", "duration", "for the whole exchange", default=30.0),
        Param("verify", "any", "check certificates; a path checks with that CA file", default=True),
    )
    idempotent = False
    supervised = False

    async def run(self, work: Work) -> Outcome:
        """Send it once. Raises NetworkError, DeadlineError, ArgumentError, HostLost."""
        args = work.args
        method = args["method"].upper()
        if args["body"] is not None and args["json"] is not None:
            raise ArgumentError("body and json exclude each other")
        if (done := await work.connector.perform(self.name, work)) is not None:
            return done
        response = await fetch(
            Request(
                url=args["url"],
                method=method,
                headers={name: to_text(value) for name, value in args["headers"].items()},
                body=None if args["body"] is None else args["body"].encode(),
                json=args["json"],
                timeout=_earlier(args["timeout"], work.timeout),
                verify=_verify(args["verify"]),
            )
        )
        return _outcome(response, f"{method} {safe_url(args['url'])}", args["expected_status"])


def _verify(value: Any) -> bool | str:
    if isinstance(value, str) and value.strip().lower() not in ("true", "yes", "on", "1"):
        return value.strip().lower() not in ("false", "no", "off", "0") and value
    return bool(value)


def _earlier(first: float | None, second: float | None) -> float | None:
    given = [seconds for seconds in (first, second) if seconds]
    return min(given) if given else None


def _outcome(response: Response, what: str, expected: tuple[int, ...] | None) -> Outcome:
    message = f"{what} → {response.status} {response.reason}".rstrip()
    common: dict[str, Any] = {
        "stdout": response.text,
        "output_bytes": len(response.body),
        "message": message,
        "changed": what.split()[0] not in _READS,
        "warnings": (f"only the first {BODY_LIMIT} bytes of the body were kept",)
        if response.cut
        else (),
        "data": {
            "status": response.status,
            "headers": {
                name: "***" if _PRIVATE.search(name) else value
                for name, value in response.headers.items()
            },
            "bytes": len(response.body),
        },
    }
    good = response.status in expected if expected else 200 <= response.status < 300
    if good:
        return Outcome(status=Status.SUCCESS, **common)
    error = ExecutionError(
        message,
        code="HTTP_STATUS",
        hint=f"expected_status: [{response.status}] would take it as a success",
        retryable=response.status in _TRY_AGAIN,
    )
    return Outcome(status=Status.FAILED, error=error.to_dict(), **common)
