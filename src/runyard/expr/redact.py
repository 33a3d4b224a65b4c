"""Texts of ours (reasons, errors, hints) without the secrets of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runyard.supervisor.mask import Secrets as Mask

_SHORTEST = 6


class Redactor:
    """Masks as the supervisor does: plain, base64, URL, JSON and shell-quoted forms."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._values = {name: v for name, v in secrets.items() if len(v) >= _SHORTEST}
        self._mask: Mask | None = None

    def text(self, text: str) -> str:
        """`text` with every form of every secret replaced by `***`."""
        if not self._values:
            return text
        if self._mask is None:
            from runyard.supervisor.mask import Secrets

            self._mask = Secrets(dict(self._values))
        return self._mask.text(text)
