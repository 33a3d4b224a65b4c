"""Answers of an agent, and of who is none, in runyard's terms."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runyard.hosts.agent.web import said_by
from runyard.model.errors import (
    ConflictError,
    FencedError,
    NetworkError,
    RunyardError,
    SystemFault,
)
from tests.unit.hosts.agent.answers import answering


def error_of(status: int, body: Any, *, door: bool = False) -> RunyardError:
    async def run() -> None:
        async with answering({"/x": (status, body)}) as web:
            await (web.upgrade("/x", {}) if door else web.ask("GET", "/x"))

    with pytest.raises(RunyardError) as error:
        asyncio.run(run())
    return error.value


@pytest.mark.parametrize("door", [False, True])
@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "retryable"),
    [
        (401, {"error": "unauthorized"}, SystemFault, "TOKEN", False),
        (403, {"error": "no", "code": "BECOME"}, SystemFault, "BECOME", False),
        (403, {"error": "no"}, SystemFault, "AGENT", False),
        (409, {"error": "epoch 2 has come", "code": "FENCED"}, FencedError, "FENCED", False),
        (409, {"error": "in use", "code": "OTHER"}, ConflictError, "OTHER", False),
        (429, {"error": "busy"}, NetworkError, "AGENT_BUSY", True),
        (502, b"<html>", NetworkError, "NETWORK", True),
        (503, {"error": "it left", "code": "NETWORK"}, NetworkError, "NETWORK", True),
        (507, {"error": "disk full", "code": "STORE"}, SystemFault, "STORE", True),
        (405, b"", SystemFault, "AGENT", False),
    ],
)
def test_refusals(
    door: bool, status: int, body: Any, kind: type[RunyardError], code: str, retryable: bool
) -> None:
    error = error_of(status, body, door=door)
    assert (type(error), error.code, error.retryable) == (kind, code, retryable)


def test_the_words_of_a_mismatch_are_these() -> None:
    text = "token mismatch on far: the agent and this run must use the same token"
    assert error_of(401, b"").message == text


@pytest.mark.parametrize("body", [b"hello", b"[1]", b"\xff"])
def test_what_is_no_json_object_is_no_agent(body: bytes) -> None:
    assert error_of(200, body).code == "NO_AGENT"


def test_a_redirect_is_not_followed_with_our_token() -> None:
    assert error_of(302, b"").code == "AGENT"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"error": "no", "code": "X", "hint": "do"}', ("no", "X", "do")),
        (b'{"error": {"message": "no", "code": "X"}}', ("no", "X", None)),
        (b'{"error": null, "hint": ""}', ("", "", None)),
        (b"[]", ("", "", None)),
        (b"\xff\xfe", ("", "", None)),
        (b"", ("", "", None)),
    ],
)
def test_what_an_error_says(data: bytes, said: tuple[str, str, str | None]) -> None:
    assert said_by(data) == said
