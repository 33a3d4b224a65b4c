from __future__ import annotations

from typing import Any

import pytest

from runyard.inventory.mask import is_secret, masked


@pytest.mark.parametrize(
    "name",
    ["token", "agent_token", "TOKEN", "db_password", "dbPassword", "mysql_root_pw", "passwd1",
     "API_KEY", "apiKey", "aws_secret_access_key", "ssh_private_key", "vault_pass", "credentials",
     "ansible_ssh_pass", "smtp.password", "client-secret", "GITHUB_TOKEN"],
)  # fmt: skip
def test_secret(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["", "key", "ssh_key", "public_key", "token_ttl", "bypass", "compass", "passenger",
     "password_file", "tokens_per_second", "host", "monkey", "spin", "_", "5"],
)  # fmt: skip
def test_no_secret(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"agent_token": "abc", "x": 1}, {"agent_token": "***", "x": 1}),
        ({"db": {"password": 5, "user": "u"}}, {"db": {"password": "***", "user": "u"}}),
        ([{"token": ["a", "b"]}], [{"token": "***"}]),
        ({"token": "${secret:T}"}, {"token": "${secret:T}"}),
        ({"token": "x${secret:T}"}, {"token": "***"}),
        (
            {"token": "", "secret": None, "password": False},
            {"token": "", "secret": None, "password": False},
        ),
        ({"url": "https://u:pw@h/"}, {"url": "https://u:***@h/"}),
        ({"url": "https://h:80/a@b"}, {"url": "https://h:80/a@b"}),
        ("ssh://me@h:22", "ssh://me@h:22"),
    ],
)
def test_masked(value: Any, shown: Any) -> None:
    assert masked(value) == shown
