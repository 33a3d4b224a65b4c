"""The token that a dispatcher must show, where it comes from, and what it is compared with."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from runyard.agent.address import Address
from runyard.agent.settings import AgentSettings
from runyard.hosts.agent.token import DEFAULT, VARIABLE
from runyard.model.errors import UsageError
from runyard.model.light import dataclass

_SEEN = "--token shows the token in `ps`; --token-file FILE or {} does not"
_WANTED = "--token-file FILE, RUNYARD_AGENT_TOKEN, or --tls-cert with --client-ca"


@dataclass(frozen=True, slots=True)
class Token:
    """`value` is "" when the certificate of the client is all that is asked for."""

    value: str = field(repr=False)
    warnings: tuple[str, ...] = ()


def token_of(
    settings: AgentSettings, addresses: Sequence[Address], environ: Mapping[str, str] = os.environ
) -> Token:
    """The token of `--token`, `--token-file` or RUNYARD_AGENT_TOKEN, else the default one.

    Raises:
        UsageError: `TOKEN`: the file cannot be read, the token cannot stand in a header, or the
            default one would be taken from other machines (contract 2).
    """
    given, warnings = _given(settings, environ)
    if given and given != DEFAULT:
        return Token(_usable(given), warnings)
    outside = [str(address) for address in addresses if not address.is_loopback]
    if settings.tls is not None and settings.tls.client_ca is not None and not given:
        return Token("", warnings)
    if outside:
        raise UsageError(
            f"{outside[0]} can be reached from other machines: the default token is not enough",
            code="TOKEN",
            hint=_WANTED,
        )
    return Token(DEFAULT, warnings)


def _given(settings: AgentSettings, environ: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    if settings.token and settings.token_file:
        raise UsageError("--token and --token-file exclude each other", code="TOKEN")
    if settings.token:
        return settings.token, (_SEEN.format(VARIABLE),) * (settings.token != DEFAULT)
    if settings.token_file:
        return _read(Path(settings.token_file).expanduser())
    return environ.get(VARIABLE, ""), ()


def _read(path: Path) -> tuple[str, tuple[str, ...]]:
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            lines = [line.strip() for line in file.read(4096).splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"--token-file {path}: {why}", code="TOKEN") from error
    text = next((line for line in lines if line and not line.startswith("#")), "")
    if not text:
        raise UsageError(f"--token-file {path} holds no token", code="TOKEN")
    open_to = f"{path} can be read by other users of this machine; chmod 600 keeps them out"
    return text, (open_to,) * bool(mode & 0o077)


def _usable(token: str) -> str:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            "the token cannot be sent: it is ASCII without blanks and control characters",
            code="TOKEN",
        )
    return token


class Keeper:
    """Compares what requests show with the token, in constant time."""

    def __init__(self, token: str) -> None:
        self._digest = _digest(token.encode()) if token else b""

    def admits(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """True when a header of the request bears the token; names are in lower case."""
        if not self._digest:
            return True
        good = False
        for name, value in headers:
            shown = _shown(name, value)
            if shown is not None:
                good |= hmac.compare_digest(_digest(shown), self._digest)
        return good


def _shown(name: bytes, value: bytes) -> bytes | None:
    if name == b"x-runner-token":
        return value.strip()
    if name == b"authorization" and value[:7].lower() == b"bearer ":
        return value[7:].strip()
    return None


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
