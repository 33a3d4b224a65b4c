"""A list of hosts on the command line: `-i web1,deploy@web2:2222,http://10.0.0.3:7072,`."""

from __future__ import annotations

import re

from runyard.hosts.address import transport_of
from runyard.inventory.draft import Draft
from runyard.inventory.problem import NAME_RULE, InventoryError, is_host_name, shown
from runyard.inventory.ranges import RangeError, expand, split_port

_URL = re.compile(r"(?P<scheme>[A-Za-z0-9+]+)://(?:[^/@]*@)?(?P<rest>[^/?#]*).*")


def read_hosts(text: str, draft: Draft) -> None:
    """Add the hosts of a list to `draft`. A name alone is reached over SSH; `local` is here.

    Raises:
        InventoryError: one is no name and no address.
    """
    for word in (part.strip() for part in text.split(",")):
        if not word:
            continue
        match = _URL.fullmatch(word)
        if match is not None:
            transport_of(word)
            _add(match["rest"], word, draft)
        elif word == "local":
            _add(word, word, draft)
        else:
            _ssh(word, draft)


def _ssh(word: str, draft: Draft) -> None:
    user, at, there = word.rpartition("@")
    pattern, port = split_port(there)
    try:
        names = expand(pattern)
    except RangeError as error:
        raise InventoryError(f"{shown(word)}: {error}", hint=error.hint) from None
    for name in names:
        end = "" if port is None else f":{port}"
        inside = f"[{name}]{end}" if ":" in name else f"{name}{end}"
        _add(inside if end else name, f"ssh://{user}{at}{inside}", draft)


def _add(name: str, address: str, draft: Draft) -> None:
    if not is_host_name(name):
        raise InventoryError(f'"{shown(name)}" is no name of a host', hint=NAME_RULE)
    draft.host(name).address = address
