"""Values in a file of variables as systemd reads it (`EnvironmentFile=`), and a shell as well."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9_.,:/+=@%^-]+")
_SPECIAL = re.compile(r'["\\`$]')


def quoted(value: str) -> str:
    """`value`, of one line, as it stands behind `NAME=`."""
    if _PLAIN.fullmatch(value):
        return value
    return '"' + _SPECIAL.sub(r"\\\g<0>", value) + '"'


def unquoted(text: str) -> str:
    """The value of what stands behind `NAME=`, by systemd's rules."""
    value: list[str] = []
    quote, bare = "", False  # bare: it did not begin with a quote, so that quotes are letters
    rest = iter(text.strip())
    for char in rest:
        if char == "\\" and quote != "'":
            following = next(rest, "")
            kept = quote == '"' and not _SPECIAL.fullmatch(following)
            value.append(f"\\{following}" if kept else following)
            bare = bare or not quote
        elif char == quote:
            quote = ""
        elif not quote and not bare and char in "\"'":
            quote = char
        else:
            value.append(char)
            bare = bare or not quote
    return "".join(value)
