"""From an Exit, which a connector reports, to an Outcome, which rises to the caller."""

from __future__ import annotations

import re
from typing import Any

from runyard.model.errors import (
    ArgumentError,
    CanceledError,
    DeadlineError,
    ExecutionError,
    RunyardError,
    SystemFault,
)
from runyard.model.execution import Exit
from runyard.model.result import Outcome
from runyard.model.status import Status

_LIMITS = {
    "memory": "used more memory than limits.memory allows",
    "processes": "had more processes than limits.processes allows",
    "cpu_time": "used more CPU time than limits.cpu_time allows",
    "open_files": "had more open files than limits.open_files allows",
    "output": "wrote more than limits.output allows",
}
_DENIED = re.compile(
    r"permission denied|operation not permitted|must be (run as )?root|are you root"
    r"|requires? root|superuser",
    re.IGNORECASE,
)
_ROOT_HINT = "it may need root rights: write `become: true`, or start the agent as root"


def outcome_of(exit: Exit, *, timeout: float | None = None, changed: bool = True) -> Outcome:
    """The outcome of a supervised process tree (contract 3, "Runner").

    `timeout` is the one that was asked for, in seconds, for the message. `changed` is kept only
    when the work ran: a process that could not be started changed nothing.
    """
    common: dict[str, Any] = {
        "stdout": exit.stdout,
        "stderr": exit.stderr,
        "exit_code": exit.exit_code,
        "signal": exit.signal,
        "ended_by": exit.ended_by,
        "exports": dict(exit.exports),
        "warnings": exit.warnings,
        "swept": exit.swept,
        "survivors": exit.survivors,
        "cpu": exit.cpu,
        "peak_memory": exit.peak_memory,
        "output_bytes": exit.stdout_bytes + exit.stderr_bytes,
        "logged": True,
    }
    if exit.ok:
        return Outcome(status=Status.SUCCESS, changed=changed, **common)
    status, error = _judge(exit, timeout)
    return Outcome(
        status=status,
        error=error.to_dict(),
        message=error.message,
        changed=changed and exit.ended_by not in ("start-failed", "lost"),
        **common,
    )


def _judge(exit: Exit, timeout: float | None) -> tuple[Status, RunyardError]:
    by, _, detail = exit.ended_by.partition(":")
    if by == "timeout":
        after = f" after {timeout:g}s" if timeout is not None else ""
        return Status.TIMEOUT, DeadlineError(f"timed out{after}")
    if by == "cancel":
        # Who gave the order may have said why: a lease that nobody renewed.
        return Status.CANCELED, CanceledError(exit.error or "canceled")
    if by == "limit":
        words = _LIMITS.get(detail, f"went over limits.{detail}")
        return Status.FAILED, ExecutionError(words, code="LIMIT", retryable=False)
    if by == "lost":
        error = exit.error or "the supervisor was lost while this ran; how it ended is not known"
        return Status.ERROR, SystemFault(error, code="SUPERVISOR_LOST", retryable=True)
    if by == "start-failed":
        return Status.ERROR, _not_started(exit.error or "could not be started")
    if exit.signal is not None:
        words = f"killed by signal {exit.signal} ({signal_name(exit.signal)})"
        return Status.FAILED, ExecutionError(words, code="SIGNAL")
    hint = _ROOT_HINT if _DENIED.search(exit.stderr[-4096:]) else _code_hint(exit.exit_code)
    return Status.FAILED, ExecutionError(f"exit code {exit.exit_code}", hint=hint)


_DIRECTORY_HINT = "is `dir` there, and may the user who runs this enter it and all above it?"


def _not_started(text: str) -> RunyardError:
    low = text.lower()
    if "could not be recorded" in low:
        return SystemFault(text, code="NOT_STARTED", hint="see what is wrong with the state home")
    if "cannot enter the directory" in low:
        return ArgumentError(text, code="NOT_STARTED", hint=_DIRECTORY_HINT)
    if "no such file" in low or "not found" in low:
        return ArgumentError(
            text, code="NOT_STARTED", hint="is the program installed and the directory there?"
        )
    if "permission denied" in low or "not permitted" in low or "exec format" in low:
        return ArgumentError(
            text, code="NOT_STARTED", hint="is it executable (chmod +x), with a #! line?"
        )
    if "too short" in low:
        return ArgumentError(text, code="NOT_STARTED")
    return SystemFault(text, code="NOT_STARTED")


def _code_hint(code: int | None) -> str | None:
    if code == 127:
        return "127 is the shell's word for: command not found"
    if code == 126:
        return "126 is the shell's word for: found, but not executable"
    return None


def signal_name(number: int) -> str:
    """`SIGKILL` for 9; `SIG64` for one without a name."""
    from signal import Signals

    try:
        return Signals(number).name
    except ValueError:
        return f"SIG{number}"
