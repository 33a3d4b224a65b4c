"""Looks at certificate and key before anything is opened."""

from __future__ import annotations

import ssl

from runyard.agent.settings import Tls
from runyard.model.errors import UsageError


def check(tls: Tls) -> None:
    """Raises UsageError, `TLS`, for files that cannot be used; nobody is asked for a passphrase."""
    asked = False

    def passphrase() -> str:
        nonlocal asked
        asked = True
        return ""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(tls.cert, tls.key, password=passphrase)
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
    except OSError as error:
        raise bad(tls, "the key has a passphrase" if asked else error) from error


def bad(tls: Tls | None, why: OSError | str) -> UsageError:
    """The error about files of `tls`."""
    files = [str(path) for path in (tls.cert, tls.key, tls.client_ca) if path] if tls else []
    text = why if isinstance(why, str) else why.strerror or str(why)
    return UsageError(
        f"TLS cannot be used with {', '.join(files)}: {text}",
        code="TLS",
        hint="--tls-cert is a PEM file with the chain, --tls-key its key without a passphrase",
    )
