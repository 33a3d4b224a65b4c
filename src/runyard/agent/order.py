"""What a dispatcher orders by `POST /run`: read from JSON, checked, kept as it came."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from runyard.model.duration import parse_duration, parse_size
from runyard.model.errors import UsageError
from runyard.model.ids import RUN_ID, attempt_id
from runyard.model.light import dataclass

_LONGEST = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LIMITS = ("memory", "processes", "cpu_time", "open_files", "output")


_KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("task_id", "run_id", "step", "action", "host"), (str,)),
    **dict.fromkeys(("args", "host_vars", "vars", "env", "secrets", "limits"), (dict,)),
    "timeout": (int, float, type(None)),
    "grace": (int, float),
    "resolved": (bool,),
}


class BadRequest(UsageError):
    """The request cannot be understood: HTTP 400."""

    code = "BAD_REQUEST"


@dataclass(frozen=True, slots=True)
class Order:
    """One task as it was ordered (contract 2, `POST /run`).

    Attributes:
        task_id: names the task. run_id: as the dispatcher spells it, maybe "".
        env: for processes, over all variables. secrets: name to value, masked everywhere.
        resolved: `args` are final; nothing is substituted in them.
        limits: see `model.limits.Limits`. timeout, grace: seconds.
    """

    task_id: str
    run_id: str
    step: str
    action: str
    host: str
    args: Mapping[str, Any] = field(default_factory=dict)
    host_vars: Mapping[str, Any] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: Mapping[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    grace: float = 10.0
    resolved: bool = False

    @classmethod
    def read(cls, body: Any) -> Order:
        """The order in a request's JSON. A task without an ID gets one.

        Raises:
            BadRequest: naming the field that is missing or wrong.
        """
        task = _map(folded(_map(body, "the request")).get("task"), "task")
        task = folded(task)
        step = folded(_map(task.get("step"), "task.Step"))
        host = folded(_map(task.get("host") or {}, "task.Host"))
        return cls(
            task_id=_name(task.get("id"), "task.ID") or f"task-{os.urandom(8).hex()}",
            run_id=_name(task.get("runid"), "task.RunID"),
            step=_name(step.get("name"), "task.Step.name") or "step",
            action=_name(step.get("action"), "task.Step.action", needed=True),
            host=_name(host.get("name"), "task.Host.Name") or "local",
            args=_map(step.get("args") or {}, "task.Step.args"),
            host_vars=_map(host.get("vars") or {}, "task.Host.Vars"),
            vars=_map(task.get("vars") or {}, "task.Vars"),
            env=_environment(step.get("env")),
            secrets=_texts(task.get("secrets"), "task.secrets"),
            limits=_limits(step.get("limits")),
            timeout=_seconds(step.get("timeout"), "task.Step.timeout") or None,
            grace=_grace(step.get("grace")),
            resolved=step.get("resolved") is True,
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON for the next life of the agent; `from_dict` is the inverse."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Order:
        """The inverse of `to_dict`; what another version has added is left out.

        Raises:
            TypeError, ValueError: it is none.
        """
        order = cls(**{name: data[name] for name in cls.__slots__ if name in data})
        for name, kinds in _KINDS.items():
            if not isinstance(getattr(order, name), kinds):
                raise TypeError(f"{name} is a {_kind(getattr(order, name))}")
        return order

    @property
    def folder(self) -> str:
        """A file name that belongs to this task alone, whatever its ID looks like."""
        return folder_of(self.task_id)

    @property
    def run_key(self) -> str:
        """The run id where one of runyard's form is needed: as given, or made of it."""
        if RUN_ID.fullmatch(self.run_id):
            return self.run_id
        return f"task-{_digest(self.run_id)}" if self.run_id else self.folder

    @property
    def attempt(self) -> str:
        """The id under which the supervisor knows the work."""
        return attempt_id(self.run_key, self.folder, self.host, 1)


def folder_of(task_id: str) -> str:
    """The file name of the task `task_id`: a few of its characters, and its digest."""
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', task_id)[:32].strip('-') or 'task'}-{_digest(task_id)}"


def folded(data: Mapping[str, Any]) -> dict[str, Any]:
    """`data` by keys in small letters without underscores: `RunID` and `run_id` are one."""
    return {str(key).replace("_", "").lower(): value for key, value in data.items()}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:24]


def _map(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        given = "is missing" if value is None else f"is a {_kind(value)}"
        raise BadRequest(f"{what} {given}; it is a JSON object")
    return value


def _kind(value: Any) -> str:
    kinds = {list: "list", str: "string", bool: "boolean", int: "number", float: "number"}
    return kinds.get(type(value), "null")


def _name(value: Any, what: str, *, needed: bool = False) -> str:
    if value is None or value == "":
        if needed:
            raise BadRequest(f"{what} is missing")
        return ""
    if not isinstance(value, str):
        raise BadRequest(f"{what} is a {_kind(value)}; it is a string")
    if len(value) > _LONGEST or _CONTROL.search(value) or not _encodable(value):
        raise BadRequest(
            f"{what} is longer than {_LONGEST} characters, or holds control characters"
        )
    return value


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(value: Any, what: str) -> dict[str, str]:
    found = _map(value or {}, what)
    for name, text in found.items():
        if not isinstance(text, str) or "\0" in text:
            raise BadRequest(f"{what}.{name} is not a string of text")
    return found


def _environment(value: Any) -> dict[str, str]:
    found = _texts(value, "task.Step.env")
    for name in found:
        if not _VARIABLE.fullmatch(name):
            raise BadRequest(f"task.Step.env: {name[:60]!r} is no name of a variable")
    return found


def _seconds(value: Any, what: str) -> float:
    if value is None or value == "":
        return 0.0
    try:
        return parse_duration(value)
    except (ValueError, TypeError, AttributeError):
        raise BadRequest(f"{what} is no duration such as 30s") from None


def _grace(value: Any) -> float:
    return 10.0 if value is None else _seconds(value, "task.Step.grace")


def _limits(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, bound in folded(_map(value or {}, "task.Step.limits")).items():
        known = next((each for each in _LIMITS if each.replace("_", "") == name), "")
        what = f"task.Step.limits.{known or name}"
        if not known:
            raise BadRequest(f"{what} is no limit; known are {', '.join(_LIMITS)}")
        try:
            found[known] = parse_duration(bound) if known == "cpu_time" else parse_size(bound)
        except (ValueError, TypeError, AttributeError):
            raise BadRequest(f"{what} is no number, size or duration") from None
    return found
