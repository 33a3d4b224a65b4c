from __future__ import annotations

import socket

import pytest

from runyard.agent.address import Address, bind, shown
from runyard.model.errors import ConflictError, UsageError


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        (":7072", "127.0.0.1", 7072, True),
        (" 127.0.0.1:80 ", "127.0.0.1", 80, True),
        ("127.9.9.9:1", "127.9.9.9", 1, True),
        ("localhost:7072", "localhost", 7072, True),
        ("[::1]:7072", "::1", 7072, True),
        ("0.0.0.0:7072", "0.0.0.0", 7072, False),
        ("[::]:7072", "::", 7072, False),
        ("web1:7072", "web1", 7072, False),
        ("localhost.example:7072", "localhost.example", 7072, False),
        ("10.0.0.1:65535", "10.0.0.1", 65535, False),
    ],
)
def test_addresses(text: str, host: str, port: int, loopback: bool) -> None:
    address = Address.parse(text)
    assert (address.host, address.port, address.is_loopback) == (host, port, loopback)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", ":", "7072", "*:7072", ":-1", ":65536", ":７０７２", "::1:7072", "[::1]", "http://a:x"],
)
def test_no_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        Address.parse(text)


def test_a_taken_port_lets_go_of_the_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        free, taken = Address("127.0.0.1", 0), shown(other)
        with pytest.raises(ConflictError, match="in use"):
            bind([free, taken])


def test_who_listens_is_found_out_when_binding() -> None:
    (first,) = bind([Address("127.0.0.1", 0)])
    with first, pytest.raises(ConflictError):
        bind([shown(first)])
