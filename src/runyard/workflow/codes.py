"""Every diagnostic code: what it means, an example, what to do. Codes never change meaning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One row of docs/reference/diagnostics.md; `example` is what raises it."""

    title: str
    meaning: str
    example: str
    fix: str


CODES: dict[str, Code] = {}
