"""Addresses of SSH hosts, and what options and variables add."""

from __future__ import annotations

import pytest

from runyard.hosts.inventory import Host
from runyard.hosts.ssh.target import Target, hop, target_of
from runyard.model.errors import UsageError


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("ssh://web", Target("web")),
        ("ssh://web/", Target("web")),
        ("ssh://deploy@web.example.org:2222", Target("web.example.org", "deploy", 2222)),
        ("ssh://[2001:db8::1]", Target("2001:db8::1")),
        ("ssh://root@[fe80::1%eth0]:22", Target("fe80::1%eth0", "root", 22)),
        ("ssh://corp%5Cme@web", Target("web", "corp\\me")),
        ("SSH://web", Target("web")),
    ],
)
def test_addresses(address: str, target: Target) -> None:
    assert target_of(Host("h", address)) == target


@pytest.mark.parametrize(
    "address",
    [
        "ssh://web:0",
        "ssh://web:65536",
        "ssh://web:no",
        "ssh://2001:db8::1",
        "ssh://[web]",
        "ssh://-oProxyCommand=x",
        "ssh://-l@web",
        "ssh://a b",
        "ssh://web/path",
        "ssh://@@web",
    ],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError) as error:
        target_of(Host("h", address))
    assert (error.value.code, "h" in error.value.message) == ("ADDRESS", True)
    assert error.value.hint


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as error:
        target_of(Host("h", "ssh://me:hunter2@web"))
    assert "hunter2" not in error.value.message + error.value.hint
    assert "password" in error.value.message


def test_the_address_is_stronger_than_options() -> None:
    options = {"user": "o", "port": 2, "identity": "o-key", "known_hosts": "known", "jump": "a,b"}
    bare, full = "ssh://web", "ssh://me@web:3"
    assert target_of(Host("h", bare)) == Target("web")
    expected = Target("web", "o", 2, "o-key", "known", "a,b")
    assert target_of(Host("h", bare, options=options)) == expected
    expected = Target("web", "me", 3, "o-key", "known", "a,b")
    assert target_of(Host("h", full, options=options)) == expected


@pytest.mark.parametrize(
    "options",
    [{"port": "many"}, {"identity": ["a"]}, {"jump": "a\nb"}, {"user": "-l"}, {"known_hosts": 1}],
)
def test_options_that_make_no_sense(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        target_of(Host("h", "ssh://web", options=options))


def test_hops() -> None:
    assert hop(" me@bastion:2222 ") == Target("bastion", "me", 2222)
    assert hop("ssh://bastion") == Target("bastion")
    with pytest.raises(UsageError, match="jump host"):
        hop("")


def test_a_target_is_shown_as_it_is_written() -> None:
    assert str(Target("web")) == "web"
    assert str(Target("2001:db8::1", "me", 22)) == "me@[2001:db8::1]:22"
