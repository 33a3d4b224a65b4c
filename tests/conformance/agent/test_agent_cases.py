"""The cases of the YAML files here: each is a request to a real agent, and the answer to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.agent_process import Agent, agent

HERE = Path(__file__).parent
CASES: list[tuple[str, dict[str, Any]]] = [
    (f"{path.stem}: {case['name']}", case)
    for path in sorted(HERE.glob("*.yaml"))
    for case in yaml.safe_load(path.read_text("utf-8"))
]
_MATCHES = {
    "<time>": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "<text>": re.compile(r"(?s).+"),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with agent(tmp_path_factory.mktemp("agent") / "state") as started:
        yield started


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_case(case: dict[str, Any], running: Agent) -> None:
    for exchange in case.get("exchanges", [case]):
        method, path = exchange["request"].split()
        body = exchange["text"].encode() if "text" in exchange else exchange.get("body")
        status, answer = running.ask(
            method,
            path,
            body,
            token=exchange.get("token", "runner-token"),
            headers=exchange.get("headers"),
        )
        assert status == exchange["status"], answer
        if "answer" in exchange:
            ours = exchange.get("ours", False)
            assert_like(exchange["answer"], answer, "answer", ours=ours)


def assert_like(expected: Any, found: Any, place: str, *, ours: bool) -> None:
    """Equal, where a case says what is expected.

    `<any>`, `<time>` and `<text>` stand for values. An object has the keys named and no others,
    but what is not known to the original: `runyard` and, in a refusal, `code message hint`.
    """
    if expected == "<any>":
        return
    if isinstance(expected, dict):
        assert isinstance(found, dict), (place, found)
        known = set(found) - ({"runyard"} if not ours else set())
        if found.get("error") and "result" not in found:
            known -= {"code", "message", "hint", "run_id"} - set(expected)
        assert known == set(expected), (place, found)
        for key, value in expected.items():
            assert_like(value, found[key], f"{place}.{key}", ours=ours)
    elif isinstance(expected, str) and expected in _MATCHES:
        assert isinstance(found, str), (place, found)
        assert _MATCHES[expected].fullmatch(found), (place, found)
    elif isinstance(expected, list) and "<more>" in expected:
        assert isinstance(found, list), (place, found)
        assert set(expected) - {"<more>"} <= set(found), (place, found)
    elif isinstance(expected, list):
        assert len(expected) == len(found), (place, found)
        for number, pair in enumerate(zip(expected, found, strict=True)):
            assert_like(*pair, f"{place}[{number}]", ours=ours)
    else:
        assert expected == found, place
