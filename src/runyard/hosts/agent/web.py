"""Requests to one agent, with its refusals and the network's failures in runyard's terms."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runyard.hosts.agent.pool import Pool
from runyard.hosts.agent.token import mismatch, token_for
from runyard.model.errors import (
    ConflictError,
    FencedError,
    NetworkError,
    RunyardError,
    SystemFault,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ssl import SSLContext

    from aiohttp import ClientResponse, ClientWebSocketResponse

ANSWER = 15.0
"""Seconds in which an agent answers what needs no waiting, the connection included."""

MAX_ANSWER = 128 << 20
MAX_MESSAGE = (96 << 20) + 8
_SAID = 4096

Answer = tuple[int, dict[str, Any]]


class AgentWeb:
    """The agent of one host over HTTP. Requests may be made concurrently.

    Whoever has it has taken part in `pool`, and leaves it by `close`.
    """

    def __init__(self, host: str, address: str, pool: Pool) -> None:
        self.host = host
        self.address = address.rstrip("/")
        self._pool = pool
        self._tls: SSLContext | bool | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        seconds: float = ANSWER,
        known: bool = True,
    ) -> Answer:
        """Status and JSON of an answer; 2xx, 400, 404, 413 are answers.

        `known` False shows no token: for what everybody may ask.

        Raises:
            NetworkError: nobody answers, or cannot for now (429, 5xx).
            SystemFault: the agent refuses us; what answers is no agent.
            UsageError: there is no token to show.
        """
        headers = self._headers() if known else {}
        with self._in_our_terms(seconds):
            async with (
                asyncio.timeout(seconds),
                self._pool.session().request(
                    method,
                    self.address + path,
                    json=body,
                    params=params,
                    headers=headers,
                    ssl=self._trust(),
                    allow_redirects=False,
                    raise_for_status=False,
                ) as response,
            ):
                data = await _read(response)
        if response.status not in (200, 400, 404, 413):
            raise self._refusal(response.status, data)
        try:
            answer = json.loads(data)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._no_agent(path, response.status)
        return response.status, answer

    async def upgrade(self, path: str, params: Mapping[str, str]) -> ClientWebSocketResponse:
        """A WebSocket. Raises as `ask`; FencedError when a newer owner has the run there."""
        with self._in_our_terms(ANSWER):
            async with asyncio.timeout(ANSWER):
                return await self._pool.session().ws_connect(
                    self.address + path,
                    params=params,
                    headers=self._headers(),
                    ssl=self._trust(),
                    max_msg_size=MAX_MESSAGE,
                    compress=0,
                )

    async def close(self) -> None:
        """Let go of the connections. Idempotent."""
        await self._pool.leave(self)

    # -- inside -------------------------------------------------------------------------------

    def _headers(self) -> dict[str, str]:
        token = token_for(self.host, self.address, self._pool.access)
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _trust(self) -> SSLContext | bool:
        if self._tls is None:
            secure = self.address.startswith("https://")
            self._tls = self._pool.tls(self.host) if secure else True
        return self._tls

    def _refusal(self, status: int, data: bytes) -> RunyardError:
        said, code, hint = said_by(data)
        text = f"the agent of {self.host} says {status}" + (f": {said}" if said else "")
        if status == 401:
            return mismatch(self.host)
        if status == 409:
            fenced = code in ("", FencedError.code)
            return FencedError(text) if fenced else ConflictError(text, code=code, hint=hint)
        if status == 429:
            return NetworkError(text, code="AGENT_BUSY")
        if status >= 500:  # without a code it is a proxy's: the agent behind it is not there
            own = code not in ("", NetworkError.code)
            return SystemFault(text, code=code, hint=hint) if own else NetworkError(text)
        if status == 403 and code == "BECOME":
            return SystemFault(said or text, code=code, hint=hint, retryable=False)
        return SystemFault(text, code=code or "AGENT", hint=hint, retryable=False)

    def _no_agent(self, path: str, status: int) -> SystemFault:
        return SystemFault(
            f"what answers for {self.host} at {self.address} is no agent ({path}: {status})",
            code="NO_AGENT",
            hint="the address of a push agent is http://HOST:7072, as `runyard agent --addr` says",
            retryable=False,
        )

    @contextmanager
    def _in_our_terms(self, seconds: float) -> Iterator[None]:
        import aiohttp

        from runyard.hosts.agent.faults import Asked, fault_of, not_there

        asked = Asked(self.host, self.address, self._pool.shows_certificate(self.host))
        try:
            yield
        except TimeoutError:
            raise not_there(f"no answer within {seconds:g} s", asked) from None
        except Refused as refused:
            raise self._refusal(refused.status, refused.data) from None
        except aiohttp.WSServerHandshakeError as error:
            raise self._no_agent("/door", error.status) from error
        except aiohttp.InvalidURL as error:
            raise self._no_agent("/", 0) from error
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            if isinstance(error, UnicodeError) and "idna" not in str(error):
                raise
            raise fault_of(error, asked) from error


class Refused(Exception):
    """An answer that is an error, before it is put into words."""

    def __init__(self, status: int, data: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.data = data


async def refuse(response: ClientResponse) -> None:
    """Raise Refused for an answer that is an error: what it says is read first."""
    if response.status >= 400:
        data = await response.content.read(_SAID)
        response.close()
        raise Refused(response.status, data)


def said_by(data: bytes) -> tuple[str, str, str | None]:
    """Text, code and hint of an error, as an agent says it."""
    try:
        said = json.loads(data)
    except ValueError:
        return "", "", None
    if not isinstance(said, dict):
        return "", "", None
    error = said.get("error")
    if isinstance(error, dict):
        said, error = error, error.get("message")
    hint = said.get("hint")
    return (
        error[:_SAID] if isinstance(error, str) else "",
        str(said.get("code") or "")[:64],
        hint[:_SAID] if isinstance(hint, str) and hint else None,
    )


async def _read(response: ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > MAX_ANSWER:
            raise NetworkError(f"an answer of more than {MAX_ANSWER >> 20} MiB")
    return bytes(data)
