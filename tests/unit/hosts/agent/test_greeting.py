"""Of what kind an agent is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runyard.hosts.agent.greeting import Contact, Greeting, greet
from runyard.model.errors import SystemFault
from tests.unit.hosts.agent.answers import answering

ORIGINAL = {"status": "ok", "last_beat": "x", "timestamp": "x", "capability": ["cmd.run"]}
OURS = {**ORIGINAL, "runyard": {"version": "0.1.0", "protocol": 1, "door": True, "running": 3}}


def met(answer: Any, status: int = 200) -> Greeting:
    async def run() -> Greeting:
        async with answering({"/heartbeat": (status, answer)}) as web:
            return await greet(web)

    return asyncio.run(run())


def test_ours_and_the_originals() -> None:
    ours, original = met(OURS), met(ORIGINAL)
    assert (ours.door, ours.version, ours.about["running"]) == (True, "0.1.0", 3)
    assert (original.door, original.version) == (False, "")
    assert ours.capabilities == original.capabilities == {"cmd.run"}


@pytest.mark.parametrize("odd", [None, "x", [], {"door": "yes"}, {"door": False}])
def test_what_has_no_door_is_spoken_to_as_the_original(odd: Any) -> None:
    assert not met({**ORIGINAL, "runyard": odd, "capability": None}).door


def test_another_protocol_is_refused() -> None:
    with pytest.raises(SystemFault, match="speaks protocol 2, and we speak 1") as error:
        met({**OURS, "runyard": {"version": "9", "protocol": 2, "door": True}})
    assert error.value.code == "AGENT_VERSION" and not error.value.retryable


@pytest.mark.parametrize(("answer", "status"), [({"status": "bad"}, 200), ({"error": "x"}, 404)])
def test_who_is_no_agent(answer: Any, status: int) -> None:
    with pytest.raises(SystemFault, match="is no agent"):
        met(answer, status)


def test_one_greeting_for_all_users_of_a_host_and_a_failure_is_asked_again() -> None:
    async def run() -> None:
        answers: dict[str, Any] = {"/heartbeat": (503, {})}
        async with answering(answers) as web:
            contact = Contact()
            with pytest.raises(Exception, match="503"):
                await contact.greeting(web)
            answers["/heartbeat"] = (200, OURS)
            first = await contact.greeting(web)
            answers.clear()
            assert await contact.greeting(web) is first

    asyncio.run(run())
