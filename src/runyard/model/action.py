"""What a step names: an action, its parameters, and the environment it runs in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol

from runyard.model.connector import Connector
from runyard.model.light import dataclass
from runyard.model.limits import Limits
from runyard.model.result import Outcome

REQUIRED: Any = object()


@dataclass(frozen=True, slots=True)
class Param:
    """One argument of an action, enough to check it, document it and make its JSON Schema.

    Attributes:
        kind: `string`, `text` (shell text: variables are bound by environment, never pasted),
            `command` (text, or a list: argv without a shell), `int`, `float`, `bool` (also the
            strings true/yes/on/1), `duration`, `size`, `mode` (octal as written), `strings`,
            `ints`, `map` (string to value), `env` (a map whose keys are variable names),
            `raw` (a string that nobody substitutes: the action does), `any`.
        choices: allowed strings, for `kind: string`.
        one_of: name of a group; exactly one parameter of a group is given.
    """

    name: str
    kind: str
    doc: str
    default: Any = None
    required: bool = False
    choices: tuple[str, ...] = ()
    one_of: str = ""


class Signals(Protocol):
    """Named events posted to the run from outside."""

    async def event(self, name: str) -> Mapping[str, Any]:
        """Wait for the event called `name`; returns its data. At once when it has come already."""


class Output(Protocol):
    """The output of one attempt of work that runs in this process, written as it comes."""

    @property
    def folder(self) -> Path:
        """The output directory of the run, `runs/RUN/output` in its state home."""

    def offsets(self) -> Mapping[str, int]:
        """Bytes of `stdout` and `stderr` that are there already, from an earlier life, too."""

    def write(self, stream: str, data: bytes) -> None:
        """Add to `stdout` or `stderr`; the caller has masked it. Raises StoreError."""


@dataclass(frozen=True, slots=True)
class Work:
    """The environment of one attempt of an action. It holds; it does not act.

    Attributes:
        attempt: id of the attempt. host: the host's name in the inventory.
        connector: the way to the host. args: checked and substituted, defaults filled in,
            durations in seconds, sizes in bytes.
        env: every variable in scope as text, for processes.
        variables: the same as values, for templates.
        secrets: name to value of every secret in scope, to be masked.
        timeout: seconds or None. base: directory of the workflow file, for relative `src`.
        lease: see `Exec`.
        output: where output goes as it comes; who uses it sets `Outcome.logged`.
    """

    attempt: str
    host: str
    connector: Connector
    args: Mapping[str, Any]
    env: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    grace: float = 10.0
    limits: Limits = Limits()
    base: Path = Path()
    signals: Signals | None = None
    lease: float | None = None
    output: Output | None = None


class Action(Protocol):
    """Something a step can do, written once against the Connector's verbs.

    `run` returns an Outcome for everything that concerns the work; it may raise a RunyardError,
    which the engine turns into an `error` outcome. It obeys asyncio cancellation. It keeps no
    state between calls: one instance serves all steps and hosts at once.
    """

    @property
    def name(self) -> str:
        """`cmd.run`."""

    @property
    def summary(self) -> str:
        """One line for `runyard actions`."""

    @property
    def params(self) -> tuple[Param, ...]:
        """Its arguments."""

    @property
    def idempotent(self) -> bool:
        """True when it may simply be run again if we died in the middle of it."""

    @property
    def supervised(self) -> bool:
        """True when its work is one attempt at the host: asking again for it never starts twice."""

    async def run(self, work: Work) -> Outcome:
        """Do it once."""


class Actions(Protocol):
    """Finds actions by name; built from built-ins and entry points, never filled by import."""

    def get(self, name: str) -> Action | None:
        """The action of that name or alias, or None."""

    def names(self) -> list[str]:
        """All names, sorted, aliases left out."""
