"""Where a host is by SSH, and what its inventory says about getting in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from runyard.hosts.address import without_password
from runyard.hosts.inventory import Host
from runyard.model.errors import UsageError
from runyard.model.light import dataclass

_ADDRESS: Final = re.compile(
    r"(?:(?P<user>[^@/?#\s]*)@)?(?P<host>\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[^@:/?#\[\]\s]+)"
    r"(?::(?P<port>\d{1,5}))?"
)
_FORM: Final = "write ssh://USER@HOST:PORT; user and port may be left out, IPv6 goes in brackets"


@dataclass(frozen=True, slots=True)
class Target:
    """An SSH server and how to get in. What is empty is as `~/.ssh/config` says, or ssh's default.

    Attributes:
        host: name, address, or alias of the configuration; never begins with `-`.
        identity: file of the private key; no other key is tried then.
        known_hosts: in place of the user's file of known hosts.
        jump: `[user@]host[:port]`, several with commas: hosts to go through, in this order.
    """

    host: str
    user: str = ""
    port: int = 0
    identity: str = ""
    known_hosts: str = ""
    jump: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"{user}{host}{f':{self.port}' if self.port else ''}"


def target_of(host: Host) -> Target:
    """The target of a host whose address is `ssh://…`.

    The address is stronger than the options `user` and `port`.

    Raises:
        UsageError: `ADDRESS`: the address, or something that is said in its place, is wrong.
    """
    where = f'host "{host.name}"'
    address = host.address.partition("://")[2].rstrip("/")
    said = host.options
    for text in _text(said, "jump", where).split(","):
        if text and text != "none":
            hop(text)
    name, user, port = _split(address, f'{where}: address "{without_password(host.address)}"')
    return Target(
        name,
        user or _text(said, "user", where),
        port or _port(said.get("port"), where),
        *(_text(said, key, where) for key in ("identity", "known_hosts", "jump")),
    )


def hop(text: str) -> Target:
    """One host to go through, as ProxyJump writes it: `[user@]host[:port]` or `ssh://…`.

    Raises:
        UsageError: `ADDRESS`.
    """
    address = text.strip().removeprefix("ssh://").rstrip("/")
    return Target(*_split(address, f'jump host "{without_password(text)}"'))


def _split(address: str, where: str) -> tuple[str, str, int]:
    """Host, user, port."""
    if ":" in address.rpartition("@")[0]:
        raise _wrong(
            f"{where} holds a password",
            "use a key (`identity`) or ssh-agent; passwords would be seen by everybody",
        )
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise _wrong(f"{where} is not valid", _FORM)
    host, user = match["host"].strip("[]"), match["user"] or ""
    if "%" in user:
        from urllib.parse import unquote

        user = unquote(user)
    if host.startswith("-") or user.startswith("-"):
        raise _wrong(f"{where} begins with a dash", _FORM)
    return host, user, _port(match["port"], where)


def _port(value: object, where: str) -> int:
    if value in (None, ""):
        return 0
    text = str(value)
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:6]) < 65536):
        raise _wrong(f"{where}: port {text} is no port", "write a number from 1 to 65535")
    return int(text)


def _text(said: Mapping[str, Any], key: str, where: str) -> str:
    value = said.get(key) or ""
    if not isinstance(value, str) or "\n" in value or "\0" in value:
        raise _wrong(f"{where}: {key} is no text", f"write {key}: TEXT")
    if key == "user" and value.startswith("-"):
        raise _wrong(f"{where}: user begins with a dash", "write the name of a user")
    return value


def _wrong(message: str, hint: str) -> UsageError:
    return UsageError(message, code="ADDRESS", hint=hint)
