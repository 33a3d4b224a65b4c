"""Kinds of values that a document's keys take: each checks itself and knows its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from runyard.model.duration import parse_duration, parse_size
from runyard.model.light import dataclass
from runyard.model.suggest import did_you_mean
from runyard.workflow.node import LIST, MAP, SCALAR, Node
from runyard.workflow.report import Report, printable

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONG_UNIT = re.compile(r"(\d+)(secs?|seconds?|mins?|minutes?|hours?|days?)")
_Schema = dict[str, Any]

# Not frozen, no slots: that would cost every start a millisecond per class.


class Kind(Protocol):
    """What a value may be."""

    @property
    def words(self) -> str:
        """For people: `a duration such as 30s`."""

    def check(self, node: Node, path: str, report: Report) -> None:
        """Report what is wrong with `node`; `path` is what messages call it."""

    def schema(self) -> _Schema:
        """As JSON Schema."""


def refuse(
    node: Node,
    path: str,
    words: str,
    report: Report,
    fix: str = "",
    code: str = "WF020",
    hint: str = "",
) -> None:
    """Say that `node` is not what it should be."""
    got = node.word
    if node.kind == SCALAR and node.value is not None:
        text = printable(node.raw if len(node.raw) <= 40 else node.raw[:40] + "…")
        got = f'"{text}"' if isinstance(node.value, str) else text
    report.error(code, node, f"{path} must be {words}, not {got}", hint=hint, fix=fix)


@dataclass(repr=False, eq=False)
class Text:
    """A string; `pattern` bounds it, `words` says how."""

    words: str = "a string"
    pattern: str = ""

    def check(self, node: Node, path: str, report: Report) -> None:
        if not isinstance(node.value, str) or node.kind != SCALAR:
            scalar = node.kind == SCALAR and node.value is not None
            words = "a string" if self.pattern else self.words
            refuse(node, path, words, report, f'quote it: "{node.raw}"' if scalar else "")
        elif self.pattern and not re.fullmatch(self.pattern, node.value):
            refuse(node, path, self.words, report, code="WF026")

    def schema(self) -> _Schema:
        bound = {"pattern": f"^(?:{self.pattern})$"} if self.pattern else {}
        return {"type": "string", **bound}


class Share:
    """A count of hosts, or a share of them."""

    words = "a count such as 2, or a share such as 10%"
    _pattern = r"[1-9]\d{0,5}|(100|[1-9]?\d)%"

    def check(self, node: Node, path: str, report: Report) -> None:
        whole = isinstance(node.value, int) and not isinstance(node.value, bool)
        if not isinstance(node.value, str) and not whole:
            refuse(node, path, self.words, report)
        elif not re.fullmatch(self._pattern, str(node.value)):
            refuse(node, path, self.words, report, code="WF025" if whole else "WF026")

    def schema(self) -> _Schema:
        return {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 999_999},
                {"type": "string", "pattern": f"^(?:{self._pattern})$"},
            ]
        }


_NOBODY = "write false, or leave it out"
_ROOT = {
    "yes": "write true", "on": "write true", "true": "write true",
    "no": _NOBODY, "off": _NOBODY, "false": _NOBODY,
}  # fmt: skip


class User:
    """true for root, false for nobody else, or a name."""

    words = "true, or the name of a user"
    _name = r"[A-Za-z_][A-Za-z0-9_.-]{0,31}"

    @property
    def _pattern(self) -> str:
        words = "|".join("".join(f"[{c.upper()}{c}]" for c in word) for word in _ROOT)
        return rf"(?!({words})$){self._name}"

    def check(self, node: Node, path: str, report: Report) -> None:
        if isinstance(node.value, bool):
            return
        if not isinstance(node.value, str):
            refuse(node, path, self.words, report)
        elif fix := _ROOT.get(node.value.lower(), ""):
            refuse(node, path, self.words, report, fix, "WF026")
        elif not re.fullmatch(self._name, node.value):
            refuse(node, path, self.words, report, code="WF026")

    def schema(self) -> _Schema:
        name = {"type": "string", "pattern": f"^{self._pattern}$"}
        return {"anyOf": [{"type": "boolean"}, name]}


class Flag:
    """true or false."""

    words = "true or false"

    def check(self, node: Node, path: str, report: Report) -> None:
        if not isinstance(node.value, bool):
            meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}
            word = meant.get(node.raw.lower(), node.raw.lower())
            fix = f"write {word}" if word in ("true", "false") else ""
            refuse(node, path, self.words, report, fix)

    def schema(self) -> _Schema:
        return {"type": "boolean"}


@dataclass(repr=False, eq=False)
class Number:
    """A number within bounds; whole unless `real`."""

    least: float = 0
    most: float = 1_000_000
    real: bool = False

    @property
    def words(self) -> str:
        kind = "a number" if self.real else "a whole number"
        return f"{kind} from {self.least:g} to {self.most:,.10g}"

    def check(self, node: Node, path: str, report: Report) -> None:
        value = node.value
        number = isinstance(value, int | float) if self.real else isinstance(value, int)
        if not number or isinstance(value, bool):
            fix = f"write {node.raw} without quotes" if node.style and node.raw.isdigit() else ""
            refuse(node, path, self.words, report, fix)
        elif not self.least <= value <= self.most:
            few = value < self.least
            fix = f"write {self.least:g} or more" if few else f"write at most {self.most:,.10g}"
            refuse(node, path, self.words, report, fix, "WF025")

    def schema(self) -> _Schema:
        kind = "number" if self.real else "integer"
        return {"type": kind, "minimum": self.least, "maximum": self.most}


@dataclass(repr=False, eq=False)
class Measure:
    """A duration or a size: text with units, or a bare number of seconds or bytes."""

    parse: Callable[[Any], float]
    words: str
    pattern: str
    code: str
    positive: bool = True
    most: float = 1e9

    def check(self, node: Node, path: str, report: Report) -> None:
        odd = isinstance(node.value, bool) or node.value is None or len(node.raw) > 100
        if node.kind != SCALAR or odd:
            refuse(node, path, self.words, report, code=self.code)
            return
        try:
            if self.parse(node.value) <= 0 and self.positive:
                report.error("WF025", node, f"{path} must be more than 0")
        except (ValueError, TypeError, AttributeError, OverflowError):
            word = node.raw.strip().lower().replace(" ", "")
            fix = ""
            if match := _LONG_UNIT.fullmatch(word):
                fix = f"write {match[1]}{match[2][0]}"
            elif match := re.fullmatch(r"(\d+):(\d\d)", word):
                fix = f"write {match[1]}m{match[2]}s or {match[1]}h{match[2]}m"
            refuse(node, path, self.words, report, fix, self.code)

    def schema(self) -> _Schema:
        bound = {
            "exclusiveMinimum" if self.positive else "minimum": 0,
            "exclusiveMaximum": self.most,
        }
        number = {"type": "number", **bound}
        return {"anyOf": [{"type": "string", "pattern": self.pattern}, number]}


_DURATION = r"^\s*(\d+(\.\d+)?|(\d+(\.\d+)?(ms|s|m|h|d))+)\s*$"
_SIZE = r"^\s*\d+(\.\d+)?\s*[kmgtKMGT]?[iI]?[bB]?\s*$"
DURATION = Measure(parse_duration, "a duration such as 30s, 5m or 1h30m", _DURATION, "WF022")
DELAY = Measure(parse_duration, "a duration such as 30s, 5m or 1h30m", _DURATION, "WF022", False)
SIZE = Measure(parse_size, "a size such as 64k, 512MB or 2GiB", _SIZE, "WF023", most=1e18)


@dataclass(repr=False, eq=False)
class Word:
    """One of a few words."""

    choices: tuple[str, ...]

    @property
    def words(self) -> str:
        return "one of " + ", ".join(self.choices)

    def check(self, node: Node, path: str, report: Report) -> None:
        if node.value not in self.choices or node.kind != SCALAR:
            hint = did_you_mean(node.raw, self.choices) if node.raw else ""
            refuse(node, path, self.words, report, code="WF024", hint=hint)

    def schema(self) -> _Schema:
        return {"enum": list(self.choices)}


@dataclass(repr=False, eq=False)
class Anything:
    """Any value; what it must be is checked elsewhere."""

    words: str = "any value"

    def check(self, node: Node, path: str, report: Report) -> None:
        """Nothing is wrong with it."""

    def schema(self) -> _Schema:
        return {}


@dataclass(repr=False, eq=False)
class ListOf:
    """A list; with `empty` False it has at least one element; `example` is of an element."""

    item: Kind
    words: str
    empty: bool = True
    example: str = ""

    def check(self, node: Node, path: str, report: Report) -> None:
        if node.kind != LIST:
            refuse(node, path, self.words, report, self._repair(node))
        elif not node.value and not self.empty:
            report.error("WF027", node, f"{path} must not be empty")
        else:
            for index, item in enumerate(node.value):
                if report.is_full:
                    return
                self.item.check(item, f"{path}[{index}]", report)

    def _repair(self, node: Node) -> str:
        if node.kind == SCALAR and "{{" in node.raw:
            return "write the values: a loop is a list in the document, such as [a, b]"
        if node.kind == SCALAR and "${" in node.raw:
            return "write the values: they must be known when the document is read"
        if self.example:
            return f"write a list: - {self.example}"
        return f"write a list: [{node.raw or '…'}]" if node.kind == SCALAR else ""

    def schema(self) -> _Schema:
        bound = {} if self.empty else {"minItems": 1}
        return {"type": "array", "items": self.item.schema(), **bound}


@dataclass(repr=False, eq=False)
class MapOf:
    """A map from names to values of one kind; `names` is the pattern of a key.

    `example` is of a value; `nullable` lets a name stand without one.
    """

    item: Kind
    words: str
    names: str = ""
    key_words: str = "letters, digits and _, and begins with no digit"
    nullable: bool = False
    example: str = ""

    def check(self, node: Node, path: str, report: Report) -> None:
        if node.kind != MAP:
            fix = f"write {{NAME: {self.example}}}" if self.example else ""
            refuse(node, path, self.words, report, fix)
            return
        for name, item in node.items():
            if report.is_full:
                return
            if self.names and not re.fullmatch(self.names, name):
                words = f"a name consists of {self.key_words}"
                message = f"{path} holds the name {name[:40]!r}; {words}"
                report.error("WF026", node.key(name), message)
            elif not (self.nullable and item.is_null):
                self.item.check(item, f"{path}.{name}", report)

    def schema(self) -> _Schema:
        item = self.item.schema()
        if self.nullable and item:
            item = {"anyOf": [item, {"type": "null"}]}
        found: _Schema = {"type": "object", "additionalProperties": item}
        if self.names:
            found["propertyNames"] = {"pattern": f"^(?:{self.names})$"}
        return found


@dataclass(repr=False, eq=False)
class Either:
    """One of several forms, told apart by `scalar`, `list` and `map`."""

    forms: Mapping[str, Kind]
    words: str

    def check(self, node: Node, path: str, report: Report) -> None:
        form = self.forms.get(node.kind)
        if form is None:
            refuse(node, path, self.words, report)
        else:
            form.check(node, path, report)

    def schema(self) -> _Schema:
        return {"anyOf": [form.schema() for form in self.forms.values()]}


class Condition:
    """A `when` expression (contract 1, "`when`"); its grammar is the expression compiler's."""

    words = 'a condition such as ${OK} == "true"'

    def check(self, node: Node, path: str, report: Report) -> None:
        if node.kind != SCALAR or node.value is None:
            refuse(node, path, self.words, report, "write the condition as one text")
            return
        from runyard.workflow.conditions import check_condition

        check_condition(node, path, report)

    def schema(self) -> _Schema:
        return {"type": ["string", "boolean", "number"]}
