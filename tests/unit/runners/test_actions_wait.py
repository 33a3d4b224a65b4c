"""wait.until and wait.event."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runyard.model.errors import ArgumentError, UsageError
from runyard.model.status import Status
from runyard.runners.actions.wait import WaitUntil
from runyard.runners.actions.waiting import ApprovalWait, WaitEvent
from tests.unit.runners.fake import do
from tests.unit.runners.server import closed_port, later, serving


def test_duration() -> None:
    outcome = do(WaitUntil(), {"duration": "20ms"})
    assert (outcome.status, outcome.message) == (Status.SUCCESS, "waited 0.02s")


def test_a_duration_longer_than_the_step_may_take() -> None:
    outcome = do(WaitUntil(), {"duration": "1h"}, timeout=0.02)
    assert (outcome.status, outcome.ended_by) == (Status.TIMEOUT, "timeout")


def test_tcp_at_once() -> None:
    with serving() as server:
        outcome = do(WaitUntil(), {"tcp": f"127.0.0.1:{server.server_port}"})
    assert outcome.status is Status.SUCCESS


def test_tcp_that_comes_up_later() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        thread = later(0.1, lambda: listener.listen(5))
        target = f"127.0.0.1:{listener.getsockname()[1]}"
        outcome = do(WaitUntil(), {"tcp": target, "interval": "10ms", "timeout": "30s"})
        thread.join()
    assert outcome.status is Status.SUCCESS


def test_tcp_that_never_comes() -> None:
    port = closed_port()
    args = {"tcp": f"127.0.0.1:{port}", "interval": "10ms", "timeout": "50ms"}
    outcome = do(WaitUntil(), args)
    assert outcome.status is Status.TIMEOUT
    assert outcome.message.startswith(f"timed out after 0.05s waiting for tcp 127.0.0.1:{port}: ")
    assert outcome.error is not None and outcome.error["code"] == "TIMEOUT"


@pytest.mark.parametrize("target", ["127.0.0.1", "x:", ":80", "x:99999", "x:http"])
def test_bad_tcp(target: str) -> None:
    with pytest.raises(ArgumentError, match="HOST:PORT"):
        do(WaitUntil(), {"tcp": target})


def test_http() -> None:
    with serving() as server:
        assert do(WaitUntil(), {"http": f"{server.url}/200"}).status is Status.SUCCESS
        bad = do(WaitUntil(), {"http": f"{server.url}/503", "timeout": "2s", "interval": "50ms"})
    assert bad.status is Status.TIMEOUT
    assert bad.message.endswith("status 503")


def test_file(tmp_path: Path) -> None:
    file = tmp_path / "ready"
    thread = later(0.05, file.touch)
    args = {"file": str(file), "interval": "10ms", "timeout": "30s"}
    assert do(WaitUntil(), args).status is Status.SUCCESS
    thread.join()
    gone = do(WaitUntil(), {"file": "/no/such", "timeout": "30ms", "interval": "10ms"})
    assert gone.message == "timed out after 0.03s waiting for file /no/such: it does not exist"


class Posted:
    """Signals with one event posted."""

    async def event(self, name: str) -> Mapping[str, Any]:
        if name == "go":
            return {"WHO": "me", "not a name": 1}
        await asyncio.Event().wait()
        raise AssertionError


def test_an_event_and_its_data() -> None:
    outcome = do(WaitEvent(), {"name": "go"}, signals=Posted())
    assert (outcome.status, outcome.exports) == (Status.SUCCESS, {"WHO": "me"})
    assert outcome.data == {"WHO": "me", "not a name": 1}


@pytest.mark.parametrize(("own", "step"), [("20ms", None), (None, 0.02), ("1h", 0.02)])
def test_an_event_that_does_not_come(own: str | None, step: float | None) -> None:
    outcome = do(WaitEvent(), {"name": "no", "timeout": own}, signals=Posted(), timeout=step)
    assert outcome.status is Status.TIMEOUT
    assert outcome.message == 'timed out after 0.02s waiting for the event "no"'


def test_outside_of_a_run() -> None:
    with pytest.raises(UsageError, match="only works as a step"):
        do(WaitEvent(), {"name": "go"})
    with pytest.raises(UsageError, match="only works as a step"):
        do(ApprovalWait(), {})
