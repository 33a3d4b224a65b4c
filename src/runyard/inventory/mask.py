"""Values that an inventory shows to nobody: told by the names of their variables."""

from __future__ import annotations

import re
from typing import Any, Final

from runyard.hosts.address import without_passwords

MASK: Final = "***"
_WORDS: Final = frozenset((
    "password", "passwords", "passwd", "passphrase", "passcode", "pass", "pwd", "pw", "pin",
    "secret", "secrets", "token", "tokens", "credential", "credentials", "apikey", "privatekey",
))  # fmt: skip
_KEYS: Final = frozenset(("private", "api", "access", "secret", "encryption", "signing", "shared"))
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_REFERENCE = re.compile(r"\$\{secret:[^}]*\}")


def masked(value: Any, name: str = "") -> Any:
    """`value` without what looks like a secret: `agent_token`, `db_password`, also inside of maps.

    References such as `${secret:NAME}` tell nothing and stay; so do values that are empty.
    """
    if isinstance(value, dict):
        return {key: masked(each, str(key)) for key, each in value.items()}
    if is_secret(name) and value not in (None, "", [], False, True):
        whole = isinstance(value, str) and _REFERENCE.fullmatch(value)
        return value if whole else MASK
    if isinstance(value, list | tuple):
        return [masked(each) for each in value]
    if isinstance(value, str):
        return without_passwords(value, MASK)
    return value


def is_secret(name: str) -> bool:
    """Whether a variable of this name holds a secret: by its last words."""
    words = [part.lower() for part in _PART.findall(name)]
    if not words:
        return False
    return words[-1] in _WORDS or (len(words) > 1 and words[-1] == "key" and words[-2] in _KEYS)
