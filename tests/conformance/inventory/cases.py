"""Reads the corpus.

`good/NAME.KIND` is read to what `good/NAME.KIND.json` holds; a folder is one inventory. Where
Ansible reads such a file, it was compared with what `ansible-inventory --list` says.

`bad/*.cases` hold files one after the other: `=== FILE: title`, the file's text, `--- expect`, then
what is said: diagnostics as the corpus of workflows writes them, or one `error CODE message`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runyard.expr.variables import Variables
from runyard.inventory.load import Loaded

HERE = Path(__file__).parent
GOOD = sorted(p for p in (HERE / "good").iterdir() if not p.name.endswith("expected.json"))


@dataclass(frozen=True)
class Case:
    """One file and what is said about it."""

    file: str
    title: str
    text: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}: {self.title}"


def bad_cases() -> list[Case]:
    """All cases of `bad/`."""
    found = []
    for path in sorted((HERE / "bad").glob("*.cases")):
        for part in re.split(r"(?m)^=== ", path.read_text())[1:]:
            head, _, rest = part.partition("\n")
            file, _, title = head.partition(": ")
            text, _, expected = rest.partition("--- expect\n")
            found.append(Case(file, title, text, expected))
    return found


def shape(loaded: Loaded) -> dict[str, Any]:
    """An inventory as JSON: hosts with all that they see, groups with all of their members."""
    inventory = loaded.inventory
    variables = Variables(inventory)
    return {
        "hosts": {
            name: {
                "address": host.address,
                **(
                    {"options": dict(options)}
                    if (options := inventory.with_link(host).options)
                    else {}
                ),
                "groups": list(host.groups),
                "vars": dict(variables.merged(name)),
            }
            for name, host in inventory.hosts.items()
        },
        "groups": {
            name: {
                "hosts": list(group.hosts),
                **({"children": list(group.children)} if group.children else {}),
            }
            for name, group in inventory.groups.items()
        },
        **({"warnings": list(loaded.warnings)} if loaded.warnings else {}),
    }
