"""The interface of a runner: what executes one category of work (contract 3, "Runner")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from runyard.model.connector import Connector
from runyard.model.light import dataclass
from runyard.model.limits import Limits
from runyard.model.status import Status


class RunnerStatus(StrEnum):
    """Where a runner stands; `failed` ran and ended badly, `error` could not be run."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELED = "canceled"
    ERROR = "error"

    @classmethod
    def of(cls, status: Status) -> RunnerStatus:
        """The runner's word for a status of ours."""
        return cls.PENDING if status is Status.QUEUED else cls(status.value)


@dataclass(frozen=True, slots=True)
class Result:
    """What an execution came to.

    Attributes:
        output: stdout, head and tail. error: the tail of stderr, or why there is none.
        start_time, end_time: seconds since the epoch. duration: milliseconds.
        exit_code: 128 + N for signal N, -1 when nothing ran to an end.
    """

    status: RunnerStatus
    output: str = ""
    error: str = ""
    start_time: float = 0.0
    end_time: float = 0.0
    duration: int = 0
    exit_code: int = -1

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape: times in ISO 8601, UTC."""
        return {
            "status": self.status.value,
            "output": self.output,
            "error": self.error,
            "start_time": _iso(self.start_time),
            "end_time": _iso(self.end_time),
            "duration": self.duration,
            "exit_code": self.exit_code,
        }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class RunnerContext:
    """What a runner works in. It holds; it does not act.

    Attributes:
        connector: the way to the host. attempt: id for the process tree; "" makes a new one.
        env, secrets: variables, and values to mask. limits: of the whole process tree.
        grace: seconds between SIGTERM and SIGKILL. base: where relative paths start.
    """

    connector: Connector
    attempt: str = ""
    host: str = "local"
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    grace: float = 10.0
    base: Path = Path()


class Runner(Protocol):
    """Executes one unit of work, once.

    Order: `parse_args`, optionally `set_timeout`, `execute` once, then `cleanup`. `stop`, `kill`,
    `status` and `result` may be used at any time, by the thread of the event loop.
    """

    def parse_args(self, command: str, args: str) -> None:
        """Take what to do; again before `execute` replaces it.

        `args` is JSON: an array for commands, an object for the other categories; "" is none.
        Raises ArgumentError for anything else.
        """

    async def execute(self) -> Result:
        """Do it, wait for its end, and return what came of it: `result` from then on.

        Raises ArgumentError before `parse_args`, ConflictError the second time; never for the
        work itself, whose failures are in the Result. When the awaiting task is canceled the
        work is stopped first, `result` is set, and then CancelledError is raised.
        """

    def stop(self) -> None:
        """Ask it to end (SIGTERM, SIGKILL after the grace): `canceled`. Idempotent, no wait."""

    def kill(self) -> None:
        """End it at once (SIGKILL). Idempotent, no wait."""

    @property
    def status(self) -> RunnerStatus:
        """Where it stands."""

    @property
    def result(self) -> Result | None:
        """What it came to, or None until then."""

    def set_timeout(self, seconds: float) -> None:
        """End it that long after its start: `timeout`. 0 is unbounded. Before `execute` only.

        Raises ArgumentError when negative, ConflictError when it runs already.
        """

    async def cleanup(self) -> None:
        """Stop it if it still runs, wait for that, and free what it holds. Idempotent."""


RunnerFactory = Callable[[RunnerContext], Runner]
