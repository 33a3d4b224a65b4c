"""Every way a process ends, in runyard's words."""

from __future__ import annotations

import pytest

from runyard.model.execution import Exit
from runyard.model.status import Status
from runyard.runners.outcome import outcome_of, signal_name


@pytest.mark.parametrize(
    ("exit", "status", "code", "message", "retryable"),
    [
        (Exit(3, None, "exit"), Status.FAILED, "EXECUTION", "exit code 3", True),
        (
            Exit(None, 9, "signal:9"),
            Status.FAILED,
            "SIGNAL",
            "killed by signal 9 (SIGKILL)",
            True,
        ),
        (Exit(None, 15, "timeout"), Status.TIMEOUT, "TIMEOUT", "timed out after 30s", True),
        (Exit(0, None, "timeout"), Status.TIMEOUT, "TIMEOUT", "timed out after 30s", True),
        (Exit(None, 15, "cancel"), Status.CANCELED, "CANCELED", "canceled", False),
        (
            Exit(None, 15, "cancel", error="nobody claimed it for 3 s"),
            Status.CANCELED,
            "CANCELED",
            "nobody claimed it for 3 s",
            False,
        ),
        (
            Exit(None, 15, "lost", error="the supervisor was told to stop"),
            Status.ERROR,
            "SUPERVISOR_LOST",
            "the supervisor was told to stop",
            True,
        ),
        (
            Exit(None, 9, "limit:memory"),
            Status.FAILED,
            "LIMIT",
            "used more memory than limits.memory allows",
            False,
        ),
        (
            Exit(None, 9, "limit:frobs"),
            Status.FAILED,
            "LIMIT",
            "went over limits.frobs",
            False,
        ),
        (Exit(None, None, "lost"), Status.ERROR, "SUPERVISOR_LOST", "the supervisor", True),
        (
            Exit(None, None, "start-failed", error="No such file or directory: 'x'"),
            Status.ERROR,
            "NOT_STARTED",
            "No such file",
            False,
        ),
        (
            Exit(None, None, "start-failed", error="Cannot allocate memory"),
            Status.ERROR,
            "NOT_STARTED",
            "Cannot allocate",
            True,
        ),
    ],
)
def test_ends(exit: Exit, status: Status, code: str, message: str, retryable: bool) -> None:
    outcome = outcome_of(exit, timeout=30.0)
    assert outcome.status is status
    assert outcome.error is not None
    assert outcome.error["code"] == code
    assert outcome.error["retryable"] is retryable
    assert outcome.message.startswith(message)
    assert outcome.ended_by == exit.ended_by
    assert outcome.logged


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("/srv/tool: Permission denied", "chmod +x"),
        ("/srv: cannot enter the directory: Permission denied", "`dir`"),
        ("/srv: cannot enter the directory: No such file or directory", "`dir`"),
        ("/h/starts.jsonl: the start could not be recorded: Permission denied", "state home"),
    ],
)
def test_the_hint_fits_what_kept_it_from_starting(text: str, hint: str) -> None:
    outcome = outcome_of(Exit(None, None, "start-failed", error=text))
    assert outcome.error is not None and hint in outcome.error["hint"]


def test_success_carries_everything() -> None:
    exit = Exit(
        0,
        None,
        "exit",
        stdout="out",
        stderr="err",
        stdout_bytes=1000,
        stderr_bytes=10,
        exports={"A": "1"},
        warnings=("w",),
        swept=2,
        survivors=0,
        cpu=0.5,
        peak_memory=4096,
    )
    outcome = outcome_of(exit)
    assert outcome.status is Status.SUCCESS and outcome.error is None and outcome.changed
    assert (outcome.stdout, outcome.stderr, outcome.output_bytes) == ("out", "err", 1010)
    assert (outcome.exports, outcome.warnings, outcome.swept) == ({"A": "1"}, ("w",), 2)
    assert (outcome.cpu, outcome.peak_memory) == (0.5, 4096)


def test_exports_of_a_failed_process_are_kept() -> None:
    assert outcome_of(Exit(1, None, "exit", exports={"A": "1"})).exports == {"A": "1"}


@pytest.mark.parametrize(
    ("code", "stderr", "hint"),
    [
        (1, "mkdir: cannot create directory: Permission denied", "`become: true`"),
        (100, "E: are you root?", "start the agent as root"),
        (127, "sh: 1: frob: not found", "command not found"),
        (126, "", "not executable"),
        (1, "plain", ""),
    ],
)
def test_hints(code: int, stderr: str, hint: str) -> None:
    error = outcome_of(Exit(code, None, "exit", stderr=stderr)).error
    assert error is not None
    assert hint in error["hint"]
    assert bool(hint) is bool(error["hint"])


def test_what_did_not_start_changed_nothing() -> None:
    assert not outcome_of(Exit(None, None, "start-failed")).changed
    assert outcome_of(Exit(3, None, "exit")).changed


def test_names_of_signals() -> None:
    assert (signal_name(15), signal_name(200)) == ("SIGTERM", "SIG200")
