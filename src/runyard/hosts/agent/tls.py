"""How the certificate of an agent is judged, and which one of ours it is shown."""

from __future__ import annotations

import ssl

from runyard.hosts.site import AgentAccess
from runyard.model.errors import UsageError


def context_for(host: str, access: AgentAccess) -> ssl.SSLContext:
    """The TLS settings for the agent of `host`. Reads files.

    Raises:
        UsageError: `AGENT_ACCESS`: a file cannot be used.
    """
    context = ssl.create_default_context()
    if access.ca:
        with _UsedAs(host, "agent_ca", access.ca):
            context.load_verify_locations(access.ca)
    if access.cert:
        with _UsedAs(host, "agent_cert and agent_key", f"{access.cert} and {access.key}"):
            context.load_cert_chain(access.cert, access.key, password=_no_password)
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _UsedAs:
    """Says which variable named the file that could not be used."""

    def __init__(self, host: str, variable: str, path: str) -> None:
        self._text = f"host {host}: {variable}: cannot use {path}"

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError | ssl.SSLError | ValueError):
            why = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"{self._text}: {why}", code="AGENT_ACCESS") from error


def _no_password() -> str:
    """Nobody is there to be asked: a key with a password cannot be used."""
    raise ValueError("the key is encrypted, and nobody can be asked for its password")
