"""One line of the table: what was measured, against what target."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value.

    Attributes:
        what: the figure in words. value: the median. unit: of value and target.
        target: the bound that is promised, or None where a figure is for information.
        higher: True when more is better.
        ratio: against the floor measured beside it, in words, or "".
    """

    what: str
    value: float
    unit: str
    target: float | None = None
    higher: bool = False
    ratio: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the target holds; None without a target."""
        if self.target is None:
            return None
        return self.value >= self.target if self.higher else self.value <= self.target

    def row(self) -> str:
        """A row of the Markdown table."""
        bound = (
            ""
            if self.target is None
            else f"{'≥' if self.higher else '≤'} {self._text(self.target)}"
        )
        mark = {True: "yes", False: "**no**", None: ""}[self.reached]
        return f"| {self.what} | {bound} | {self._text(self.value)} | {self.ratio} | {mark} |"

    def line(self) -> str:
        """One line for the terminal."""
        word = {True: "ok", False: "MISSED", None: ""}[self.reached]
        return f"  {self.what}: {self._text(self.value)}  {self.ratio}  {word}".rstrip()

    def _text(self, value: float) -> str:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
        return f"{value:,.{digits}f} {self.unit}".strip()
