"""Bodies of requests, read as far as they may be."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.types import Receive

from runyard.agent.order import BadRequest
from runyard.model.errors import UsageError

_LINGER = 2.0
_LEFT_OVER = 32 << 20


class TooLarge(UsageError):
    """The body has more bytes than this agent reads: HTTP 413."""

    code = "TOO_LARGE"
    hint = "`--max-body` of the agent is the limit"


async def read_json(request: Request, most: int) -> Any:
    """The JSON of the body; None when it is empty.

    Raises:
        TooLarge: as soon as it is known, by its announced length at best.
        BadRequest: it is no JSON.
    """
    data = await _read(request, most)
    return _parse(data) if data.strip() else None


async def linger(receive: Receive) -> None:
    """Take what a peer still sends for a moment, so that it gets to read our answer."""
    taken = 0
    try:
        async with asyncio.timeout(_LINGER):
            while taken < _LEFT_OVER:
                message = await receive()
                taken += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
    except TimeoutError:
        return


async def _read(request: Request, most: int) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > 18 or int(announced) > most):
        raise TooLarge(f"the body has {announced} bytes, {most} are read")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise TooLarge(f"the body has more than the {most} bytes that are read")
    return bytes(data)


def _parse(data: bytes) -> Any:
    try:
        text = data.decode()
        found = json.loads(text, parse_constant=_no_number)
        if "\\ud" in text.lower():
            json.dumps(found, ensure_ascii=False).encode()  # half a character has no bytes
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise BadRequest(f"bad JSON: {error.msg} at {where}") from None
    except UnicodeError:
        raise BadRequest("bad JSON: it is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"bad JSON: {str(error) or 'nested too deep'}"[:200]) from None
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")
