"""References and conditions as other systems write them, and how they are written here."""

from __future__ import annotations

import re

from runyard.model.light import dataclass

_BRACES = re.compile(r"(?<!\$)\$\{\{(?P<inner>[^{}]*)\}\}|(?<![${])\{\{(?P<bare>[^{}]*)\}\}")
_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_JINJA = re.compile(r"\s*(?P<name>[A-Za-z_][\w.]*)\s*(\|.*)?", re.DOTALL)
_GO_WORDS = ("end", "else", "println")
_CONTEXTS = ("env.", "vars.", "inputs.", "variables.", "parameters.")
_RAN = "leave it out: a step runs only after success"
_FAILED = "write fallback: in the step that may fail, or put this step under finally:"
_FUNCTIONS = {
    "always": "put the step under finally: it runs in any case, at the end",
    "success": _RAN, "succeeded": _RAN, "failure": _FAILED, "failed": _FAILED,
    "cancelled": "put the step under finally: it runs in any case, at the end",
    "canceled": "put the step under finally: it runs in any case, at the end",
}  # fmt: skip
_CALL = re.compile(r"(" + "|".join(_FUNCTIONS) + r")\s*\(")


@dataclass(repr=False, eq=False)
class Foreign:
    """What was found at `offset` of a text. `dollar`: it was `${{ … }}`, which no shell reads."""

    offset: int
    message: str
    fix: str
    dollar: bool = False


def write_reference(inner: str) -> str:
    """How to write what stands between double braces."""
    name = inner.split("|", 1)[0].strip()
    if name.startswith("secrets."):
        return f"write ${{secret:{name[8:]}}}"
    for context in _CONTEXTS:
        name = name.removeprefix(context)
    return f"write ${{{name}}}" if _NAME.fullmatch(name) else "write ${NAME} for a variable"


def find_braces(text: str) -> Foreign | None:
    """The first `${{ A }}`, or `{{ A }}` that reads like a variable rather than a Go template."""
    if "{{" not in text:
        return None
    for match in _BRACES.finditer(text):
        if match["inner"] is not None:
            message = "${{ }} is not how a variable is written"
            return Foreign(match.start(), message, write_reference(match["inner"]), dollar=True)
        name = _JINJA.fullmatch(match["bare"])
        if name is not None and name["name"] not in _GO_WORDS:
            message = "{{ }} is not how a variable is written"
            return Foreign(match.start(), message, write_reference(match["bare"]))
    return None


def find_call(text: str, offset: int) -> Foreign | None:
    """The function of other systems' conditions that stands at `offset`."""
    match = _CALL.match(text, offset)
    if match is None:
        return None
    return Foreign(offset, f"there is no function {match[1]}()", _FUNCTIONS[match[1]])
