"""Durations and sizes as people write them."""

from __future__ import annotations

import math
import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b?)", re.IGNORECASE)
_LONGEST = 40
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_duration(text: str | int | float) -> float:
    """Seconds of `30s`, `5m`, `1h30m`, `250ms`; a bare number is seconds (contract 1, "Document").

    Raises:
        ValueError: not a duration, or negative.
    """
    if isinstance(text, bool):
        raise ValueError("expected a duration such as 30s, 5m or 1h30m")
    if isinstance(text, int | float):
        seconds = float(text) if abs(text) < 1e9 else math.inf
    else:
        word = text.strip()
        if len(word) > _LONGEST:
            raise ValueError("expected a duration such as 30s, 5m or 1h30m")
        if re.fullmatch(r"\d+(\.\d+)?", word):
            seconds = float(word)
        else:
            parts = _PART.findall(word)
            if not parts or "".join(a + b for a, b in parts) != word:
                raise ValueError("expected a duration such as 30s, 5m or 1h30m")
            seconds = sum(float(a) * _UNITS[b] for a, b in parts)
    if not 0 <= seconds < 1e9:
        raise ValueError("a duration is between 0 and 1e9 seconds")
    return seconds


def format_duration(seconds: float) -> str:
    """A short human form: `0.25s`, `12.3s`, `4m05s`, `2h07m`."""
    if seconds < 10:
        return f"{seconds:.2f}s"
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def parse_size(text: str | int) -> int:
    """Bytes of `64k`, `512MB`, `1.5GiB` (powers of 1024); a bare number is bytes.

    Raises:
        ValueError: not a size.
    """
    if isinstance(text, bool):
        raise ValueError("expected a size such as 64k, 512MB or 2GiB")
    if isinstance(text, int):
        if text < 0:
            raise ValueError("a size is not negative")
        return text
    match = _SIZE.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError("expected a size such as 64k, 512MB or 2GiB")
    return int(float(match[1]) * _SIZE_UNITS[match[2].lower()])
