"""Values as a process may have them in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from runyard.expr.value import is_name, text_of
from runyard.model.errors import ArgumentError

MAX_ENTRY: Final = 128 * 1024 - 1
"""Bytes of `NAME=value` without its NUL that Linux takes (MAX_ARG_STRLEN)."""

UNSAFE_EXPORTS: Final = frozenset(
    {
        "BASH_ENV",
        "BASHOPTS",
        "ENV",
        "GIT_SSH_COMMAND",
        "JAVA_TOOL_OPTIONS",
        "LD_AUDIT",
        "LD_PRELOAD",
        "NODE_OPTIONS",
        "PERL5OPT",
        "PROMPT_COMMAND",
        "PS4",
        "PYTHONSTARTUP",
        "RUBYOPT",
        "SHELLOPTS",
    }
)
"""Names whose value a shell, a loader or an interpreter runs: what one host prints must not decide
what the next one executes."""

OURS: Final = frozenset({"agent_token"})
"""Variables that are for us and not for the work: no process gets them."""


def text_in_environment(name: str, value: Any) -> str | None:
    """The text of a variable, or None when it is too long for an environment.

    Raises:
        ArgumentError: it holds a NUL byte, or cannot be written as bytes.
    """
    try:
        text = text_of(value)
    except ArgumentError as error:
        raise ArgumentError(f"variable {name}: {error.message}", code="VARIABLE") from None
    if "\0" in text:
        raise ArgumentError(
            f"variable {name} holds a NUL byte, which no environment can carry",
            code="VARIABLE",
            hint="hand it over in a file, or encode it (base64)",
        )
    if len(text) * 4 > MAX_ENTRY - len(name) - 1 or not text.isascii():
        try:
            size = len(text.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            raise ArgumentError(
                f"variable {name} holds half a character, which cannot be written as UTF-8",
                code="VARIABLE",
            ) from None
        if size + len(name) + 1 > MAX_ENTRY:
            return None
    return text


def environment_text(values: Mapping[str, Any]) -> dict[str, str]:
    """Every value with a usable name as text, but for OURS and those too long. Raises as above."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if is_name(name) and name not in OURS:
            text = text_in_environment(name, value)
            if text is not None:
                found[name] = text
    return found
