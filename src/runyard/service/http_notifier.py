"""The notifier that ships: a signed POST of JSON."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from runyard.model.errors import NetworkError


class HttpNotifier:
    """POSTs each payload as JSON (contract 1, "Notifier").

    With a `secret`, the header `X-Runyard-Signature: sha256=HEX` holds the HMAC-SHA-256 of the
    body. `timeout` in seconds. Any status of 400 and above is a failure.
    """

    def __init__(self, url: str, *, secret: str = "", timeout: float = 10.0) -> None:
        self._url = url
        self._secret = secret.encode()
        self._timeout = timeout

    async def notify(self, payload: dict[str, Any]) -> None:
        """Send one payload. Raises NetworkError."""
        import aiohttp

        body = json.dumps(payload, separators=(",", ":"), default=str).encode()
        headers = {"Content-Type": "application/json"}
        if self._secret:
            digest = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
            headers["X-Runyard-Signature"] = f"sha256={digest}"
        timeout = aiohttp.ClientTimeout(total=self._timeout)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self._url, data=body, headers=headers) as answer,
            ):
                if answer.status >= 400:
                    raise NetworkError(f"the receiver answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NetworkError(f"cannot notify: {error or type(error).__name__}") from error
