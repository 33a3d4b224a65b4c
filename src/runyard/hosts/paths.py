"""Files that an inventory names: relative ones are beside the file that names them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final

OPTIONS: Final = ("identity", "known_hosts")
"""Options of hosts that are files."""
VARIABLES: Final = ("agent_ca", "agent_cert", "agent_key")
"""Variables of hosts that are files, where an agent is concerned."""


def folder_of(file: str) -> str:
    """The folder of `file`; "" for text that is in none, such as standard input (`<…>`)."""
    return "" if file.startswith("<") else os.path.dirname(os.path.abspath(file))


def anchor(said: dict[str, Any], names: Iterable[str], folder: str) -> None:
    """Put the relative ones among the files `names` of `said` under `folder`, unless that is "".

    `~` stays: it is expanded when the file is used. So do templates and `none`.
    """
    for name in names if folder else ():
        value = said.get(name)
        if isinstance(value, str) and value not in ("", "none") and value[0] not in "/~$%{":
            said[name] = os.path.join(folder, value)
