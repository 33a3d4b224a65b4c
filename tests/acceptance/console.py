"""Pages that are true: their files are written, their commands executed, their output compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+)\n")


@dataclass(frozen=True, slots=True)
class File:
    """A block that begins with `# NAME`: to be saved under that name."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A `$ …` line and the output that the page shows for it."""

    line: str
    output: str


def read(page: Path) -> Iterator[File | Command]:
    """What a reader of the page would save and type, in order."""
    for language, text in _BLOCK.findall(page.read_text()):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                line, _, output = part.partition("\n")
                yield Command(line, output)
        elif (match := _FILE.match(text)) is not None:
            yield File(match[1], text)


def agrees(shown: str, real: str) -> bool:
    """Whether `real` is what the page shows.

    `…` stands for any text within a line, and alone on a line for any number of lines.
    """
    pattern = ""
    for line in shown.splitlines():
        if line.strip() == "…":
            pattern += r"(?:.*\n)*"
        else:
            words = [re.escape(word) for word in line.rstrip().split("…")]
            pattern += ".*".join(words) + r"[ ]*\n"
    return re.fullmatch(pattern, real) is not None
