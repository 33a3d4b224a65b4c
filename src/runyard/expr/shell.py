"""Shell text: references that a shell cannot expand are bound to its environment, never pasted.

`${NAME}`, `$NAME` and all of the shell's own forms (`${X:-d}`, `${#X}`, `${X%%.*}`) stay as they
are: every variable in scope is in the environment (contract 1, "Variables").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runyard.expr.environment import text_in_environment
from runyard.expr.path import CANDIDATE, split_path
from runyard.expr.scope import Scope
from runyard.expr.value import MISSING
from runyard.model.errors import ArgumentError

if TYPE_CHECKING:
    from runyard.expr.quoting import Document, Found

_PLAIN_TAIL: Final = r"(?::-[^}$`\"'\\\n]*)?\}"
_SHELLS: Final = frozenset(("sh", "ash", "bash", "dash", "ksh", "mksh", "yash", "zsh", "busybox"))
_OPTIONAL: Final = (":-", ":+", ":=", ":?", "+", "=", "?")
_SPECIAL: Final = r"[\\$`]"


def bind_shell(
    text: str, scope: Scope, place: str = "", interpreter: str = ""
) -> tuple[str, dict[str, str]]:
    """Rewrite `${hosts.web1.K}`, `${item.x}` and `${secret:N}` to generated variables.

    They are expanded wherever they stand, in single quotes and in here-documents with a quoted
    delimiter too; `\\${item.x}` where the shell knows the backslash, and `$${item.x}` everywhere,
    stand for the text itself. What begins with a name that is not in scope (`${user.name}` of
    JavaScript) is left alone where the shell would not look at it.

    A text for another `interpreter` than a shell (given, or in its `#!` line) cannot have any:
    nothing in it would be expanded, and values are never pasted.

    Returns:
        the text for the shell, and what to add to its environment.

    Raises:
        ArgumentError: such a reference is not set, its value fits no environment, or it stands
            in a text that is not for a shell.
    """
    if "${" not in text or CANDIDATE.search(text) is None:
        return text, {}
    program = _program(interpreter or _shebang(text))
    if program not in _SHELLS:
        return _check_foreign(text, scope, place, program), {}
    from runyard.expr.quoting import find_references

    binder = _Binder(text, scope, place)
    for one in find_references(text):
        binder.bind(one)
    return binder.finished(), binder.environment


def _shebang(text: str) -> str:
    return text[2:].split("\n", 1)[0] if text.startswith("#!") else "sh"


def _program(interpreter: str) -> str:
    """`python3` of `/usr/bin/env -S python3 -u`."""
    for word in interpreter.split():
        name = word.rsplit("/", 1)[-1]
        if name != "env" and not word.startswith("-") and "=" not in word:
            return name
    return "sh"


def _check_foreign(text: str, scope: Scope, place: str, program: str) -> str:
    prefix = f"{place}: " if place else ""

    def judge(match: re.Match[str]) -> str:
        path = match["path"]
        if not path.startswith("secret:") and not scope.is_ours(split_path(path)):
            return match[0]
        if match["escape"]:
            return match[0][1:]
        raise ArgumentError(
            f"{prefix}${{{path}}} cannot be expanded in a script for {program}",
            hint=f"add env: {{NAME: ${{{path}}}}} to args and read NAME from the environment; "
            "$${…} stands for the text itself",
        )

    return CANDIDATE.sub(judge, text)


class _Binder:
    def __init__(self, text: str, scope: Scope, place: str) -> None:
        self._text = text
        self._scope = scope
        self._place = f"{place}: " if place else ""
        self._edits: list[tuple[int, int, str]] = []
        self._documents: dict[int, Document] = {}
        self.environment: dict[str, str] = {}

    def bind(self, found: Found) -> None:
        match, path = found.match, found.match["path"]
        parts = split_path(path)
        if not path.startswith("secret:") and not self._scope.is_ours(parts):
            if found.mode == "expanded" and not match["escape"]:
                self._scope.require(path, self._place[:-2])
            return
        if match["escape"]:
            literal = match[0][1:] if found.mode != "expanded" else "\\" + match[0][1:]
            self._replace(found, match.end(), literal)
            return
        name = _generated_name(path)
        opening = "${" + match["length"] + name
        if found.mode == "expanded":
            tail = self._text[match.end() : match.end() + 2]
            self._put(name, path, tail.startswith(_OPTIONAL))
            self._replace(found, match.end(), opening)
            return
        tail_match = re.compile(_PLAIN_TAIL).match(self._text, match.end())
        if tail_match is None:
            raise ArgumentError(
                f"{self._place}${{{path} in single quotes or a quoted here-document is followed "
                "by something else than a plain default",
                hint=f"write ${{{path}}} or ${{{path}:-text}} there, or use double quotes",
            )
        self._put(name, path, tail_match[0] != "}")
        whole = opening + tail_match[0]
        if found.mode != "verbatim":
            whole = f"'\"{whole}\"'" if found.mode == "single" else f"'\"{whole}\"$'"
        self._replace(found, tail_match.end(), whole)

    def _put(self, name: str, path: str, optional: bool) -> None:
        value = self._scope.lookup(path)
        if value is MISSING and optional:
            return
        text = text_in_environment(path, self._scope.require(path, self._place[:-2]))
        if text is None:
            raise ArgumentError(
                f"{self._place}${{{path}}} is too long for an environment (128 KiB)",
                hint="hand it over in a file: template.render, then read it",
            )
        self.environment[name] = text

    def _replace(self, found: Found, end: int, text: str) -> None:
        self._edits.append((found.match.start(), end, text))
        document = found.document
        if found.mode == "verbatim" and document is not None:
            if not re.fullmatch(r"[A-Za-z0-9_]+", document.word):
                raise ArgumentError(
                    f"{self._place}a here-document with the delimiter {document.word!r} cannot "
                    "hold references",
                    hint="use a delimiter of letters, such as 'EOF'",
                )
            self._documents[document.start] = document

    def finished(self) -> str:
        """The text with all edits made.

        A here-document with a quoted delimiter gets an unquoted one, and a backslash before each
        character that would now be special: the shell reads the same text, and our references.
        """
        for document in self._documents.values():
            self._edits.append((document.start, document.end, document.word))
            bound = [e for e in self._edits if document.body <= e[0] < document.body_end]
            at = document.body
            for start, end, _ in [*sorted(bound), (document.body_end, document.body_end, "")]:
                for special in re.compile(_SPECIAL).finditer(self._text, at, start):
                    place = special.start()
                    self._edits.append((place, place + 1, "\\" + special[0]))
                at = end
        pieces: list[str] = []
        at = 0
        for start, end, text in sorted(self._edits):
            pieces += (self._text[at:start], text)
            at = end
        return "".join([*pieces, self._text[at:]])


def _generated_name(path: str) -> str:
    """One name per path, the same in every text of a step; readable, and never twice."""
    import zlib

    readable = re.sub(r"[^A-Za-z0-9]", "_", path)[:80]
    return f"RUNYARD_V_{readable}_{zlib.crc32(path.encode()):08x}"
