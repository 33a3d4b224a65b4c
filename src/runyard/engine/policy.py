"""What governs a step besides its work: conditions, retries, bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from runyard.engine.retry import Retry
from runyard.expr.when import When
from runyard.model.action import Action
from runyard.model.duration import parse_duration
from runyard.model.errors import UsageError
from runyard.model.light import dataclass
from runyard.model.limits import Limits


@dataclass(frozen=True, slots=True)
class Call:
    """An action with its arguments as written: `check`, `rollback`, `fallback`, a step's own.

    `places` maps an argument's path (`cmd`, `env.X`, `args[0]`) to `file:line:col`.
    """

    action: Action
    args: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """A person decides before the step starts. `timeout` in seconds; empty approvers: anybody."""

    message: str = ""
    approvers: tuple[str, ...] = ()
    timeout: float | None = None
    form: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cache:
    """Reuse an earlier success while `inputs` (files, globs) and arguments are the same."""

    ttl: float = 86400.0
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offline:
    """What to do about a host that cannot be reached: `wait` (until `deadline` s), fail, skip.

    After `lease` seconds in which nobody of us has asked for it the host itself ends what it runs
    for us; None lets it run.
    """

    policy: str = "fail"
    deadline: float | None = None
    lease: float | None = None

    @classmethod
    def of(cls, said: object) -> Offline:
        """From a word, or a map of `policy`, `deadline` and `lease`, as YAML has it.

        Raises:
            UsageError: it is none of them.
        """
        words = {"policy": said} if isinstance(said, str) else said
        try:
            if not isinstance(words, Mapping) or words.keys() - {"policy", "deadline", "lease"}:
                raise ValueError
            policy = words.get("policy", "fail")
            if policy not in ("wait", "fail", "skip"):
                raise ValueError
            deadline, lease = (
                None if (text := words.get(name)) is None else parse_duration(text)
                for name in ("deadline", "lease")
            )
        except (ValueError, TypeError, AttributeError):
            raise UsageError(
                f"offline: {said!r} is no policy",
                code="OFFLINE",
                hint="wait, fail or skip, or {policy: wait, deadline: 10m}",
            ) from None
        return cls(str(policy), deadline, lease)


@dataclass(frozen=True, slots=True)
class Policy:
    """All of a step's governing keys (contract 1, "Document"); the defaults do nothing."""

    when: When | None = None
    retry: Retry = Retry()
    timeout: float | None = None
    grace: float = 10.0
    continue_on_error: bool = False
    expect_vars: tuple[str, ...] = ()
    must_vars: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    changed_when: When | None = None
    limits: Limits = Limits()
    cache: Cache | None = None
    become: str | None = None
    offline: Offline | None = None


@dataclass(frozen=True, slots=True)
class Fan:
    """How a task spreads over its hosts (contract 1, "Document").

    Raises UsageError when `concurrency` is less than 1.

    Attributes:
        concurrency: hosts at once, ≥ 1.
        serial: batch sizes, as counts (`2`) or shares (`"10%"`); the last one repeats.
        max_failures: failed hosts after which no further host is started; None is unbounded
            without `serial`, and 0 with it (a failed canary stops the roll-out).
        fail_fast: the first failure cancels the siblings in mid-command.
        run_once: only the first host runs.
    """

    concurrency: int = 10
    serial: tuple[int | str, ...] = ()
    max_failures: int | None = None
    fail_fast: bool = False
    run_once: bool = False

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise UsageError(f"concurrency is {self.concurrency}, and has to be at least 1")
