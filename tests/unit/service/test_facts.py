"""Facts are asked of every host by itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from runyard.hosts.inventory import Host, Inventory
from runyard.model.errors import UsageError
from runyard.service.facts import HostFacts, ask_facts
from runyard.store.home import Home


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def every(home: Home, inventory: Inventory, **more: Any) -> dict[str, HostFacts]:
    asked = ask_facts(home, inventory, inventory.select(), **more)
    return {answer.host.name: answer async for answer in asked}


def test_every_host_answers_or_says_why_not(tmp_path: Path, silent: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    inventory = Inventory.of(
        [
            Host("here"),
            Host("nobody", f"http://127.0.0.1:{port}"),
            Host("silent", f"http://127.0.0.1:{silent}"),
            Host("nowhere", "k8s://pool"),
            Host("odd", "winrm://x"),
            Host("too", "local"),
        ]
    )
    found = asyncio.run(every(Home(tmp_path), inventory, timeout=1.0, at_once=2))
    here, nobody, silent_one, nowhere, odd, too = (found[name] for name in inventory.hosts)
    assert here.error is too.error is None
    assert here.facts["os"] == "linux"
    assert nobody.error is not None
    assert (nobody.error.code, dict(nobody.facts)) == ("NETWORK", {})
    assert silent_one.error is not None
    assert silent_one.error.code in ("TIMEOUT", "NETWORK")
    assert nowhere.error is not None
    assert nowhere.error.code == "TRANSPORT"
    assert odd.error is not None
    assert odd.error.code == "ADDRESS"
    assert not [*tmp_path.glob("runs/*")]


def test_only_secrets_of_access_are_asked_for(tmp_path: Path) -> None:
    inventory = Inventory.of([Host("here", vars={"password": "${secret:nobody_knows_this}"})])
    found = asyncio.run(every(Home(tmp_path), inventory))
    assert found["here"].error is None
    inventory = Inventory.of([Host("a", "http://h", {"agent_token": "${secret:nobody_knows}"})])
    with pytest.raises(UsageError, match='secret "nobody_knows" is not known'):
        asyncio.run(every(Home(tmp_path), inventory))


def test_answers_come_while_others_are_waited_for(tmp_path: Path, silent: int) -> None:
    inventory = Inventory.of([Host("silent", f"http://127.0.0.1:{silent}"), Host("here")])

    async def first() -> str:
        async with aclosing(ask_facts(Home(tmp_path), inventory, inventory.select())) as asked:
            return (await anext(asked)).host.name

    assert asyncio.run(first()) == "here"
    assert not [*tmp_path.glob("runs/*")]
