"""Addresses of hosts: what leads where, and what may be shown of one."""

from __future__ import annotations

import re
from typing import Final

from runyard.model.errors import UsageError
from runyard.model.suggest import did_you_mean

_WAYS: Final = {
    "http": "agent",
    "https": "agent",
    "ssh": "ssh",
    "docker": "docker",
}
_SCHEMES: Final = {**_WAYS, "worker": "worker", "k8s": "kubernetes"}
"""Those that lead nowhere yet included: no message offers them."""

_BEGUN: Final = re.compile(rf"({'|'.join(_WAYS)})\b[:/]*(.*)", re.IGNORECASE)
_PASSWORD: Final = re.compile(r"(://[^/:\s]*:)(?!\d{1,5}/)(\S*)@")
"""In an address, or around one. A number that a slash follows is a port."""
_ANY_PASSWORD: Final = re.compile(r"[^@]*:.*@", re.DOTALL)


def transport_of(address: str) -> str:
    """How an address is reached: local, agent, ssh, docker, worker or kubernetes.

    Raises:
        UsageError: `ADDRESS`: it is no address (contract 1, "Document"), or holds a password.
    """
    if address in ("", "local"):
        return "local"
    scheme, separator, rest = address.partition("://")
    shown = without_password(address)
    if _PASSWORD.search(address):
        raise UsageError(
            f'address "{shown}" holds a password',
            code="ADDRESS",
            hint="use a key (identity) or ssh-agent"
            if scheme.lower() == "ssh"
            else "the token of an agent goes into the variable agent_token, as ${secret:NAME}",
        )
    transport = _SCHEMES.get(scheme.lower())
    if separator and rest and transport is not None:
        return transport
    raise UsageError(f'address "{shown}" is not valid', code="ADDRESS", hint=_advice(shown))


def without_password(address: str) -> str:
    """`address` as it may be shown: all that may be a password, and who it is of, is `…`."""
    scheme, separator, rest = address.rpartition("://") if "://" in address else ("", "", address)
    return scheme + separator + _ANY_PASSWORD.sub("…@", rest)


def without_passwords(text: str, mark: str = "") -> str:
    """`text` with `mark` in place of passwords in addresses; "" is a `*` for each letter."""
    return _PASSWORD.sub(lambda found: f"{found[1]}{mark or '*' * len(found[2])}@", text)


def _advice(address: str) -> str:
    scheme, separator, rest = address.partition("://")
    begun = _BEGUN.fullmatch(address)
    if begun is not None and not (separator and rest):
        return f"write {begun[1].lower()}://{begun[2] or 'HOST'}"
    if not separator and "/" not in address:
        return f"write ssh://{address}, http://{address} for a push agent, or local"
    near = did_you_mean(scheme, _WAYS, "{}://") if separator else ""
    return near or "one of " + ", ".join(f"{known}://" for known in _WAYS)
