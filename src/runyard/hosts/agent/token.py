"""Which token an agent is shown: read when it is needed, and never put into words."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from runyard.hosts.site import Access
from runyard.model.errors import SystemFault, UsageError

DEFAULT = "runner-token"
"""What an agent on a loopback address takes when it was given no token."""

VARIABLE = "RUNYARD_AGENT_TOKEN"


def token_for(host: str, address: str, access: Access) -> str:
    """The token for the agent of `host`; "" when its certificate of ours is all it gets.

    First what the inventory says (`agent_token`), then `--token` or `--token-file`, then
    RUNYARD_AGENT_TOKEN, then the default one on a loopback address.

    Raises:
        UsageError: `TOKEN`: there is none, or the file cannot be read.
    """
    own = access.agents.get(host)
    if own is not None and own.token:
        return _usable(own.token, f"agent_token of {host}")
    if access.token:
        return _usable(access.token, "--token")
    if access.token_file:
        return _usable(_read(access.token_file), access.token_file)
    if os.environ.get(VARIABLE):
        return _usable(os.environ[VARIABLE], VARIABLE)
    if is_loopback(address):
        return DEFAULT
    if own is not None and own.cert:
        return ""
    raise UsageError(
        f"no token for the agent of {host}",
        code="TOKEN",
        hint=f"--token-file FILE, {VARIABLE}, or the variable agent_token of the host or a group",
    )


def is_loopback(address: str) -> bool:
    """Whether the agent at `address` is on this machine, as far as the address tells."""
    from ipaddress import ip_address

    name = urlsplit(address).hostname or ""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def mismatch(host: str) -> SystemFault:
    """The error of an agent that takes another token."""
    return SystemFault(
        f"token mismatch on {host}: the agent and this run must use the same token",
        code="TOKEN",
        hint=f"--token-file FILE, {VARIABLE}, or the variable agent_token of the host or a group",
        retryable=False,
    )


def _read(path: str) -> str:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"--token-file {path}: {why}", code="TOKEN") from error
    return text.strip()


def _usable(token: str, source: str) -> str:
    """`token`, if it can stand in a header."""
    if not token:
        raise UsageError(f"{source} holds no token", code="TOKEN")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            f"{source}: a token is ASCII without blanks and control characters", code="TOKEN"
        )
    return token
