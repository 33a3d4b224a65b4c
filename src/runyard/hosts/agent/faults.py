"""What aiohttp and TLS say of an agent that could not be asked, as errors of our tree."""

from __future__ import annotations

import os
import re
import ssl

import aiohttp

from runyard.model.errors import NetworkError, RunyardError, SystemFault
from runyard.model.light import dataclass

_NOT_THERE = "is `runyard agent` running there? `--local` runs every host on this machine instead"
_STRANGERS = (18, 19, 20, 21)
"""X509_V_ERR_…: signed by itself, or by nobody who is known."""

_NO_TLS = re.compile(r"WRONG_VERSION|HTTP_REQUEST|RECORD_LAYER|UNEXPECTED_MESSAGE|TOO_LONG")
_TLS_ALERT = "\\x15\\x03"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom we asked: the agent of `host`; `shows` is whether a certificate of ours was shown."""

    host: str
    address: str
    shows: bool

    @property
    def answerer(self) -> str:
        """Whoever it is that answers."""
        return f"what answers for {self.host} at {self.address}"


def fault_of(error: Exception, asked: Asked) -> RunyardError:
    """Why `asked` could not be asked. NetworkError, or SystemFault `NO_AGENT`."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _untrusted(error.certificate_error, asked)
    if isinstance(error, aiohttp.ClientResponseError):
        return _no_agent(error.message, asked)
    if isinstance(error, UnicodeError):
        return NetworkError(
            f"cannot reach the agent of {asked.host}: {asked.address} is no name of a host",
            code="UNKNOWN_HOST",
            hint="no part of a name is empty, or longer than 63 characters",
            retryable=False,
        )
    reason = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(reason, ssl.SSLError) and _NO_TLS.search(reason.reason or ""):
        return NetworkError(
            f"{asked.answerer} does not speak TLS",
            code="TLS",
            hint=f"write http:// for an agent without --tls-cert: {_with('http', asked)}",
            retryable=False,
        )
    return _lost(reason, asked, closed=reason is error)


def not_there(why: str, asked: Asked) -> NetworkError:
    """Nobody is there, or nobody who answers."""
    text = f"cannot reach the agent of {asked.host} at {asked.address}: {why}"
    return NetworkError(text, hint=_NOT_THERE)


def _lost(reason: Exception, asked: Asked, *, closed: bool) -> NetworkError:
    """`closed`: the connection was there; so does a server that wants a certificate, or TLS."""
    error = not_there(_words(reason), asked)
    if closed and asked.address.startswith("https://") and not asked.shows:
        error.hint = f"does it want a certificate? agent_cert and agent_key; or: {error.hint}"
    elif closed and asked.address.startswith("http://"):
        error.hint = f"does it speak TLS? {_with('https', asked)}; or: {error.hint}"
    return error


def _untrusted(reason: Exception, asked: Asked) -> NetworkError:
    why = getattr(reason, "verify_message", "") or _words(reason)
    hint = "agent_verify: false takes any certificate, also one of somebody between"
    if getattr(reason, "verify_code", 0) in _STRANGERS:
        why = "it is signed by an unknown authority"
        hint = "the variable agent_ca names the file of who has signed it"
    return NetworkError(
        f"the certificate of the agent of {asked.host} is not trusted: {why}",
        code="TLS",
        hint=hint,
        retryable=False,
    )


def _no_agent(said: str, asked: Asked) -> SystemFault:
    """Somebody who does not speak HTTP."""
    why, hint = "it does not speak HTTP", "a push agent has an address such as http://HOST:7072"
    if "'SSH-" in said:
        why, hint = "an SSH server answers", f"write {_with('ssh', asked)}"
    elif _TLS_ALERT in said:
        why, hint = "it speaks TLS", f"write {_with('https', asked)}"
    return SystemFault(
        f"{asked.answerer} is no agent: {why}", code="NO_AGENT", hint=hint, retryable=False
    )


def _with(scheme: str, asked: Asked) -> str:
    return f"{scheme}://{asked.address.partition('://')[2]}"


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):  # its number is none of the system's
        return (error.reason or str(error)).replace("_", " ").lower()
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) and isinstance(number, int) and number > 0:
        return os.strerror(number)
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
