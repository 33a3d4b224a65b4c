"""One HTTP request, with its failures in runyard's terms."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import field
from socket import gaierror
from typing import TYPE_CHECKING, Any

from runyard.model.errors import ArgumentError, DeadlineError, NetworkError
from runyard.model.light import dataclass

if TYPE_CHECKING:
    import ssl

BODY_LIMIT = 10 << 20
_CONTROL = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True)
class Request:
    """What to send.

    Attributes:
        body: bytes as they are. json: any value, sent as JSON; only one of both.
        timeout: seconds for everything, connecting to the last byte; None is unbounded.
        verify: check certificates; a text is the path of a CA file to check them with.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    json: Any = None
    timeout: float | None = 30.0
    verify: bool | str = True


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. `body` holds at most BODY_LIMIT bytes; `cut` tells that there was more."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    cut: bool
    charset: str

    @property
    def text(self) -> str:
        """The body as text; bytes that are none become U+FFFD."""
        try:
            return self.body.decode(self.charset, errors="replace")
        except LookupError:
            return self.body.decode(errors="replace")


def safe_url(url: str) -> str:
    """The URL without user, password, query and fragment: what may stand in a message."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "(a malformed URL)"


async def fetch(request: Request) -> Response:
    """Send it once; redirects are followed, up to ten.

    Raises:
        ArgumentError: no usable URL, header, method or CA file.
        NetworkError: DNS, connection, TLS or protocol failed. DeadlineError: took too long.
    """
    import aiohttp

    where = safe_url(request.url)
    if not request.url.lower().startswith(("http://", "https://")):
        raise ArgumentError(f"not an http or https URL: {where}", code="URL")
    for name, value in request.headers.items():
        if _CONTROL.search(name + value):
            raise ArgumentError(f"header {name!r} holds a line break or NUL", code="REQUEST")
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=request.timeout)) as session,
            session.request(
                request.method,
                request.url,
                headers=request.headers,
                data=request.body,
                json=request.json,
                ssl=_trust(request.verify),
            ) as response,
        ):
            body = await _read(response.content)
            return Response(
                response.status,
                response.reason or "",
                dict(response.headers),
                bytes(body[:BODY_LIMIT]),
                len(body) > BODY_LIMIT,
                response.charset or "utf-8",
            )
    except TimeoutError:
        raise DeadlineError(f"{where}: no answer within {request.timeout or 0:g}s") from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise NetworkError(
            f"{where}: {_words(error.certificate_error)}",
            code="TLS",
            hint="`verify` takes the path of a CA file",
            retryable=False,
        ) from error
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError, TypeError) as error:
        raise ArgumentError(f"{where}: {_words(error)}", code="REQUEST") from error
    except aiohttp.ClientConnectorError as error:
        raise NetworkError(f"{where}: {_words(error.os_error)}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise NetworkError(f"{where}: {_words(error)}") from error


async def _read(stream: Any) -> bytearray:
    body = bytearray()
    async for chunk in stream.iter_any():
        body += chunk
        if len(body) > BODY_LIMIT:
            break
    return body


def _trust(verify: bool | str) -> bool | ssl.SSLContext:
    if isinstance(verify, bool):
        return verify
    from ssl import SSLError, create_default_context

    try:
        return create_default_context(cafile=verify)
    except (OSError, SSLError) as error:
        raise ArgumentError(f"verify: cannot use {verify} as a CA file: {error}") from error


def _words(error: BaseException) -> str:
    from ssl import SSLError

    if isinstance(error, SSLError):  # whose number is none of the system's
        why = getattr(error, "verify_message", "") or (error.reason or "").replace("_", " ").lower()
        return f"TLS: {why}" if why else str(error)
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) and not isinstance(error, gaierror) and number:
        return os.strerror(number)
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
