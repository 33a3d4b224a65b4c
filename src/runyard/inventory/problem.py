"""What is said about an inventory that cannot be used."""

from __future__ import annotations

import re
from typing import Final

from runyard.model.errors import UsageError
from runyard.workflow.document import InvalidWorkflow

NAME_RULE: Final = "at most 253 printable characters, none of / [ ], and not the word all"
_IPV6_PORT = re.compile(r"\[[0-9A-Fa-f:.]+(%\w+)?\]:\d+")


class InventoryError(UsageError):
    """An inventory that cannot be used, as a whole."""

    code = "INVENTORY"


class InvalidInventory(InvalidWorkflow):
    """Inventory files with mistakes; `diagnostics` holds all of them."""

    code = "INVENTORY"


def is_host_name(name: str) -> bool:
    """Whether a host may be called so: its name is shown, and is part of other names."""
    if not name.isprintable() or "/" in name or name != name.strip():
        return False
    if ("[" in name or "]" in name) and not _IPV6_PORT.fullmatch(name):
        return False
    return 0 < len(name) <= 253 and name not in (".", "..", "all")


def shown(text: str) -> str:
    """`text`, cut, as part of a message."""
    return text if len(text) <= 60 else text[:60] + "…"
