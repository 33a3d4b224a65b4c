"""The name inside `${…}`: `X`, `item.name`, `hosts.web-1.KEY`, `secret:TOKEN`."""

from __future__ import annotations

import re
from typing import Final

from runyard.expr.error import ExprError

PATH_TEXT: Final = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[\w-]+)*"
SECRET_TEXT: Final = r"secret:[A-Za-z_][A-Za-z0-9_.-]*"  # noqa: S105
SECRET: Final = re.compile(r"\$\{" + SECRET_TEXT + r"\}")
CANDIDATE: Final = re.compile(
    r"(?P<escape>\$?)\$\{(?P<length>#?)"
    r"(?P<path>" + SECRET_TEXT + r"|[A-Za-z_][A-Za-z0-9_]*(?:\.[\w-]+)+)"
)
"""A reference in shell text that no shell can expand: dotted, or a secret."""
_PATH: Final = re.compile(f"{SECRET_TEXT}|{PATH_TEXT}")

Path = tuple[str, ...]


def split_path(text: str) -> Path:
    """`("hosts", "web1", "KEY")` of `hosts.web1.KEY`; a secret's path is `("secret:NAME",)`."""
    return (text,) if text.startswith("secret:") else tuple(text.split("."))


def read_reference(inside: str, column: int) -> tuple[str, str | None]:
    """The path and the default of `X` or `X:-default`, as they stand between the braces.

    Raises:
        ExprError: there is no name, or something else than a default follows it.
    """
    match = _PATH.match(inside)
    rest = inside[match.end() :] if match is not None else inside
    if match is not None and not rest:
        return match[0], None
    if match is not None and match[0].startswith("secret:"):
        raise ExprError(f"${{{inside}}}: a secret has no default", column, f"write ${{{match[0]}}}")
    if match is not None and rest.startswith(":-"):
        return match[0], rest[2:]
    if inside.strip() != inside:
        raise ExprError(f"spaces in ${{{inside}}}", column, f"write ${{{inside.strip()}}}")
    raise ExprError(
        f"${{{inside}}} is not a reference",
        column,
        "use ${NAME}, ${NAME:-default} or ${hosts.web1.NAME}; $${ stands for a literal ${",
    )
