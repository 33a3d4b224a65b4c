"""What is wrong with an expression, found while the document is loaded."""

from __future__ import annotations

from typing import Any

from runyard.model.errors import ArgumentError


class ExprError(ArgumentError):
    """An expression or a template is not well formed.

    Attributes:
        column: where, counted in characters from 1.
    """

    code = "EXPR"

    def __init__(self, message: str, column: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.column = column

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "column": self.column}
