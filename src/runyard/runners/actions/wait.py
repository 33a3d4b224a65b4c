"""wait.until: until a time has passed, a port or URL answers, or a file is there."""

from __future__ import annotations

import asyncio
import time

from runyard.model.action import Param, Work
from runyard.model.errors import ArgumentError, DeadlineError, NetworkError
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.web import Request, fetch, safe_url

_PATIENCE = 10.0


class WaitUntil:
    """Waits for one condition.

    Files are looked for on the host. Ports and URLs are tried by the host's agent when there is one
    of ours, else from the machine that dispatches: also over SSH and for containers.
    """

    name = "wait.until"
    summary = "Wait for a time, a port, a URL or a file"
    params = (
        Param("duration", "duration", "wait this long", one_of="condition"),
        Param("tcp", "string", "until HOST:PORT takes connections", one_of="condition"),
        Param("http", "string", "until the URL answers with 200 to 299", one_of="condition"),
        Param("file", "string", "until the path exists on the host", one_of="condition"),
        Param("timeout", "duration", "give up after (not for duration)", default=300.0),
        Param("interval", "duration", "time between two tries", default=1.0),
    )
    idempotent = True
    supervised = False

    async def run(self, work: Work) -> Outcome:
        """Wait. A timeout is an outcome, not an exception; ArgumentError for a bad `tcp` or URL."""
        args = work.args
        if args["duration"] is not None:
            return await _sleep(args["duration"], work.timeout)
        kind = next(k for k in ("tcp", "http", "file") if args[k] is not None)
        if kind != "file":
            if kind == "tcp":
                _place(args[kind])
            if (done := await work.connector.perform(self.name, work)) is not None:
                return done
        what = safe_url(args[kind]) if kind == "http" else args[kind]
        limit = min(args["timeout"], work.timeout or args["timeout"])
        started = time.monotonic()
        last = ""
        while (left := limit - (time.monotonic() - started)) > 0:
            reason = await _look(kind, args[kind], work, min(left, _PATIENCE))
            if not last or left >= _PATIENCE:  # one cut short by our deadline tells less
                last = reason
            if not reason:
                waited = round(time.monotonic() - started, 3)
                return Outcome(
                    status=Status.SUCCESS,
                    message=f"{kind} {what} is there",
                    data={"waited": waited},
                )
            await asyncio.sleep(max(0.0, min(args["interval"], left)))
        why = f": {last}" if last else ""
        return Outcome.of_error(
            DeadlineError(f"timed out after {limit:g}s waiting for {kind} {what}{why}"),
            ended_by="timeout",
        )


async def _sleep(seconds: float, limit: float | None) -> Outcome:
    if limit is not None and limit < seconds:
        await asyncio.sleep(limit)
        return Outcome.of_error(DeadlineError(f"timed out after {limit:g}s"), ended_by="timeout")
    await asyncio.sleep(seconds)
    return Outcome(status=Status.SUCCESS, message=f"waited {seconds:g}s")


async def _look(kind: str, target: str, work: Work, patience: float) -> str:
    """Nothing when the condition holds, else why not."""
    if kind == "file":
        return "" if await work.connector.stat(target) is not None else "it does not exist"
    try:
        if kind == "tcp":
            await _knock(target, patience)
            return ""
        answer = await fetch(Request(url=target, timeout=patience))
        return "" if 200 <= answer.status < 300 else f"status {answer.status}"
    except (NetworkError, DeadlineError) as error:
        return error.message
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return error.strerror or str(error)


def _place(target: str) -> tuple[str, int]:
    host, _, port = target.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ArgumentError(f"tcp: {target!r} is not HOST:PORT", hint="such as 127.0.0.1:5432")
    return host.strip("[]"), int(port)


async def _knock(target: str, patience: float) -> None:
    opened = asyncio.open_connection(*_place(target))
    _, writer = await asyncio.wait_for(opened, patience)
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        pass
