"""Parameters of a request, from its address and from its body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from runyard.agent.body import read_json
from runyard.agent.order import BadRequest, folded
from runyard.model.duration import parse_duration

LONGEST_WAIT = 60.0
_MAX_OFFSET = 1 << 62


class Query:
    """Looks parameters up; keys in any case, the body over the address."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = folded(values)

    @classmethod
    async def of(cls, request: Request, most: int) -> Query:
        """The parameters of `request`. Raises BadRequest, TooLarge."""
        values: dict[str, Any] = dict(request.query_params)
        if request.method == "POST":
            body = await read_json(request, most)
            if body is not None and not isinstance(body, dict):
                raise BadRequest("the body is no JSON object")
            values = {**folded(values), **folded(body or {})}
        return cls(values)

    def text(self, name: str) -> str:
        """A string that must be there. Raises BadRequest."""
        value = self._values.get(name.replace("_", ""))
        if not isinstance(value, str) or not value:
            raise BadRequest(f"{name} is missing")
        return value

    def seconds(self, name: str) -> float:
        """A duration up to LONGEST_WAIT; 0 when it is not there. Raises BadRequest."""
        value = self._values.get(name, 0)
        try:
            return min(parse_duration(value), LONGEST_WAIT)
        except (ValueError, TypeError, AttributeError):
            raise BadRequest(f"{name} is no number of seconds") from None

    def at_once(self) -> bool:
        """True when `grace` is there and is nothing. Raises BadRequest."""
        return "grace" in self._values and not self.seconds("grace")

    def offsets(self) -> dict[str, int] | None:
        """Where streams are wanted from; None when all of them are. Raises BadRequest."""
        both = self._offset("offset")
        found = {name: self._offset(f"{name}offset") for name in ("stdout", "stderr")}
        if both is None and all(value is None for value in found.values()):
            return None
        return {name: (both or 0) if value is None else value for name, value in found.items()}

    def _offset(self, name: str) -> int | None:
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MAX_OFFSET:
            raise BadRequest(f"{name} is no number of bytes")
        return value
