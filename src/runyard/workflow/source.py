"""The text of a document: read within bounds, decoded, cut into lines."""

from __future__ import annotations

import codecs
import os
import re
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runyard.workflow.diagnostic import Diagnostic

MAX_BYTES = 16 * 1024 * 1024
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Unreadable(Exception):
    """The document could not even be read; holds the one diagnostic."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class Source:
    """A document's name and text. `lines` are cut where YAML cuts them."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._lines: list[str] | None = None

    @property
    def lines(self) -> list[str]:
        if self._lines is None:
            self._lines = _BREAK.split(self.text)
        return self._lines

    def line(self, number: int) -> str:
        """Line `number`, from 1; "" beyond the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


def read(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file that may be a workflow: regular (or a pipe), and not too large.

    Raises:
        Unreadable: missing, not allowed, a directory, or above `MAX_BYTES`.
    """
    name = os.fspath(path)
    try:
        info = os.stat(name)
        if stat.S_ISDIR(info.st_mode):
            raise refuse("WF002", f"{name} is a directory", name, "name a file inside it")
        if info.st_size > MAX_BYTES:
            raise _too_large(name, info.st_size)
        with open(name, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise refuse("WF001", f"{name} does not exist", name) from None
    except PermissionError:
        fix = f"chmod u+r {name}"
        raise refuse("WF001", f"no permission to read {name}", name, fix) from None
    except (OSError, ValueError) as error:
        raise refuse("WF001", f"{name} cannot be read: {error}", name) from None
    if len(data) > MAX_BYTES:
        raise _too_large(name, len(data))
    return data


def _too_large(name: str, size: int) -> Unreadable:
    message = f"{name} is too large: {size:,} bytes; a workflow has at most {MAX_BYTES:,}"
    return refuse("WF003", message, name)


def refuse(code: str, message: str, path: str, fix: str = "") -> Unreadable:
    """A diagnostic about the file as a whole."""
    from runyard.workflow.diagnostic import Diagnostic

    return Unreadable(Diagnostic(code, "error", message, path, fix=fix))


def decode(data: bytes, path: str) -> Source:
    """Text of UTF-8, or of UTF-16 or UTF-32 when a byte order mark says so.

    Raises:
        Unreadable: too large, binary, or broken text; with the place of the first bad byte.
    """
    if len(data) > MAX_BYTES:
        raise _too_large(path, len(data))
    encoding = ""
    for bom, name in _BOMS:
        if data.startswith(bom):
            data, encoding = data[len(bom) :], name
            break
    if not encoding and b"\0" in data[:65536]:
        raise refuse("WF004", "this is a binary file, not a YAML document", path)
    encoding = encoding or "utf-8"
    try:
        return Source(path, data.decode(encoding))
    except UnicodeDecodeError as error:
        from runyard.workflow.diagnostic import Diagnostic

        before = data[: error.start].decode(encoding, "replace")
        lines = _BREAK.split(before)
        rest = data[error.start : error.start + 80].decode(encoding, "replace")
        shown = lines[-1] + _BREAK.split(rest)[0]
        name = encoding.upper()
        message = f"this is not {name} text: byte 0x{data[error.start]:02x} ({error.reason})"
        col = len(lines[-1]) + 1
        fix = f"save the file as UTF-8, or convert it: iconv -f latin1 -t utf-8 {path}"
        raise Unreadable(
            Diagnostic("WF005", "error", message, path, len(lines), col, col + 1, shown, fix=fix)
        ) from None
