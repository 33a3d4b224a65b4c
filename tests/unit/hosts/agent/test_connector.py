"""Addresses of agents, and what is told of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runyard.hosts.agent.connector import Agents
from runyard.hosts.agent.look import _skew, look_at
from runyard.hosts.inventory import Host
from runyard.hosts.site import Access, Site
from runyard.model.errors import UsageError


@pytest.mark.parametrize(
    "address",
    ["http://web1:7072", "https://web1", "http://10.0.0.1:7072/", "https://gate/agents/web1",
     "http://[::1]:7072"],
)  # fmt: skip
def test_addresses(tmp_path: Path, address: str) -> None:
    Agents(Site(tmp_path, "run-00000001")).open(Host("web1", address))


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("http://user:secret-word@web1:7072", "no user and no password"),
        ("http://:7072", "no address"),
        ("http://web1:0", "no address"),
        ("http://web1:99999", "no address"),
        ("http://web1:7072?x=1", "no address"),
        ("http://[::1", "no address"),
    ],
)
def test_what_is_none(tmp_path: Path, address: str, word: str) -> None:
    with pytest.raises(UsageError, match=word) as error:
        Agents(Site(tmp_path, "run-00000001")).open(Host("web1", address))
    assert "secret-word" not in error.value.message


@pytest.mark.parametrize(
    "address", ["http://user:secret-word@web1:7072", "http://u@web1", "http://["]
)
def test_a_look_makes_the_same_check_and_shows_no_password(address: str) -> None:
    hosts = [Host(address.partition("://")[2], address), Host("far", "http://127.0.0.1:1")]
    odd, other = asyncio.run(look_at(hosts, Access(), timeout=5))
    assert (odd.state, other.state) == ("wrong", "absent")
    assert isinstance(odd.error, UsageError) and odd.error.code == "ADDRESS"
    assert "secret-word" not in odd.error.message + odd.host.address


def test_a_clock_is_compared_as_far_as_it_can_be_read() -> None:
    assert _skew("1970-01-01T00:00:00Z") is not None
    assert _skew("1970-01-01T00:00:00") == _skew("1970-01-01T00:00:00Z")
    assert _skew(None) is None and _skew("yesterday") is None
