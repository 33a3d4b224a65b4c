"""Addresses: what is wrong with one is told with the repair, and without its password."""

from __future__ import annotations

import pytest

from runyard.hosts.address import transport_of, without_password, without_passwords
from runyard.model.errors import UsageError


@pytest.mark.parametrize(
    "address",
    [
        "ssh://user:hunter2@web",
        "ssh://user:hun/ter2@web:22",
        "ssh://user:hun@ter2@web",
        "SSH://:hunter2@web",
        "http://user:hunter2@web:7072",
        "https://user:hun/ter2@web",
    ],
)
def test_a_password_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(UsageError, match="holds a password") as error:
        transport_of(address)
    assert error.value.code == "ADDRESS"
    assert "hun" not in str(error.value) + error.value.hint
    assert "ter2" not in without_passwords(f'{{address: "{address}"}}')


@pytest.mark.parametrize("address", ["http://web:7072/a@b", "ssh://me@web:22", "ssh://[::1]:22"])
def test_what_holds_no_password(address: str) -> None:
    transport_of(address)
    assert without_passwords(address) == address


def test_what_is_wrong_in_another_way_shows_no_password_either() -> None:
    with pytest.raises(UsageError) as error:
        transport_of("shh://user:1234/5@web")
    assert "1234" not in str(error.value) + error.value.hint
    assert without_password("user:pw@web") == "…@web"
    assert without_passwords("a ssh://u:pw@h b") == "a ssh://u:**@h b"


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("ssh:/127.0.0.1", "write ssh://127.0.0.1"),
        ("ssh:web1", "write ssh://web1"),
        ("HTTP//web1:7072", "write http://web1:7072"),
        ("ssh://", "write ssh://HOST"),
        ("ssh", "write ssh://HOST"),
        ("web1:22", "write ssh://web1:22, http://web1:22 for a push agent, or local"),
        (
            "sshd.example",
            "write ssh://sshd.example, http://sshd.example for a push agent, or local",
        ),
        ("/tmp/x", "one of http://, https://, ssh://, docker://"),
        ("worke://desk", "one of http://, https://, ssh://, docker://"),
    ],
)
def test_what_to_write_instead(address: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        transport_of(address)
    assert error.value.hint == hint
