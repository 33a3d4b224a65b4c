"""Reads the corpus.

`bad/*.cases` hold documents one after the other: `=== title`, the document, `--- expect valid` or
`--- expect invalid`, then one `severity code line:col-end message` per diagnostic, with `hint:`
and `fix:` lines below it. `[escapes]` in a title: the document holds backslash escapes.
`good/NAME.yaml` compile to `good/NAME.json`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from runyard.workflow.diagnostic import Diagnostic

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One document and the diagnostics it must get."""

    file: str
    title: str
    document: str
    valid: bool
    expected: str

    def __str__(self) -> str:
        return f"{self.file}: {self.title}"


def bad_cases() -> list[Case]:
    """All cases of `bad/`."""
    found = []
    for path in sorted((HERE / "bad").glob("*.cases")):
        for part in re.split(r"(?m)^=== ", path.read_text())[1:]:
            head, _, rest = part.partition("\n")
            document, _, answer = rest.partition("--- expect ")
            word, _, expected = answer.partition("\n")
            if "[escapes]" in head:
                document = document.encode().decode("unicode_escape")
            found.append(Case(path.stem, head, document, word == "valid", expected))
    return found


def told(diagnostics: tuple[Diagnostic, ...]) -> str:
    """Diagnostics as the corpus writes them."""
    lines = []
    for d in diagnostics:
        lines.append(f"{d.severity} {d.code} {d.line}:{d.col}-{d.end_col} {d.message}")
        lines += [f"  hint: {d.hint}"] if d.hint else []
        lines += [f"  fix: {d.fix}"] if d.fix else []
    return "".join(line + "\n" for line in lines)
