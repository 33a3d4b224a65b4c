"""The last words about a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runyard.cli.ending import elapsed, failures, not_run, survivors, tally, unknown
from runyard.cli.fold import fold_names
from runyard.cli.style import Paint
from runyard.cli.text import count, for_screen, width
from runyard.model.duration import format_duration
from runyard.model.errors import NetworkError
from runyard.model.run import HostRecord, RunRecord, StepRecord
from runyard.model.status import Status

_ALWAYS = ("ok", "changed", "skipped", "failed")
_SHOWN = 3
_TAIL = 8
_NAMES, _COLUMNS = 8, 60


def summary(record: RunRecord, paint: Paint, hint: str = "", *, columns: int | None = None) -> str:
    """What failed and where to look on, then one line: status, counts, time, id.

    `hint` is what to do about the reason that the run itself failed for. Where the last line does
    not fit into `columns`, the id has a line of its own.
    """
    lines = []
    failed = failures(record)
    if record.status is not Status.SUCCESS:
        groups = alike(failed)
        for step, hosts in groups[:_SHOWN]:
            lines += failure_lines(step, hosts, paint)
        if len(groups) > _SHOWN:
            lines.append(f"… and {count(len(groups) - _SHOWN, 'more failure')}")
        reason = record.last_error or record.interrupted_reason or record.message
        if reason and not failed:
            lines.append(f"{paint('reason:', 'red')} {for_screen(reason)}")
            lines += [f"    {paint('hint:', 'cyan')} {hint}"] if hint else []
    else:
        lines += [f"{paint('warning:', 'yellow')} {text}" for text in tolerated(record)]
    left = survivors(record)
    if left:
        lines.append(f"{paint('warning:', 'yellow')} {left} processes could not be ended")
    lines += [f"{paint('warning:', 'yellow')} {text}" for text in in_flight(record)]
    if record.last_notify_error:
        lines.append(
            f"{paint('warning:', 'yellow')} the notifier failed: {record.last_notify_error}"
        )
    last = status_line(record, paint)
    if columns is not None and width(last) > columns:
        last = f"{last.removesuffix(_run(record))}\n  {_run(record).removeprefix(', ')}"
    lines.append(last)
    if record.status is not Status.SUCCESS:
        lines += [f"  {paint('hint:', 'cyan')} {hint}" for hint in _hints(record)]
    return "\n".join(lines)


def tolerated(record: RunRecord) -> list[str]:
    """What failed in a run that succeeded all the same: those who rely on it must hear of it."""
    if record.status is not Status.SUCCESS:
        return []
    return [
        f"{step.name} on {_names(hosts)} {hosts[0].status}, tolerated: "
        + for_screen(hosts[0].message)
        for step, hosts in alike(failures(record))
    ]


def in_flight(record: RunRecord) -> list[str]:
    """What is known of the attempts whose end nobody saw, in words; nothing when there are none."""
    left = unknown(record)
    if not left:
        return []
    attempts, them = count(left, "attempt"), "it" if left == 1 else "them"
    resume = "" if record.status is Status.SUCCESS else f"resume attaches to {them} again, "
    return [f"{attempts} may still run; {resume}cancel ends {them}"]


def status_line(record: RunRecord, paint: Paint) -> str:
    """`success: 3 ok, 1 changed, 0 skipped, 0 failed, 1.2s, run ID`.

    What was not begun follows the counts: `not run: deploy (4 of 10 hosts), check`.
    """
    counts = tally(record)
    words = [f"{n} {word}" for word, n in counts.items() if n or word in _ALWAYS]
    words += _left_out(not_run(record))
    status = paint(paint.status(record.status), "bold") if paint.on else str(record.status)
    return f"{status}: {', '.join(words)}, {format_duration(elapsed(record))}{_run(record)}"


def _left_out(steps: Sequence[tuple[StepRecord, int]]) -> list[str]:
    if not steps:
        return []
    words = []
    for step, left in steps[:_SHOWN]:
        all_ = len(step.hosts)
        part = f"{left} of {all_} hosts" if left < all_ else count(all_, "host")
        words.append(f"{for_screen(step.name)} ({part})" if all_ > 1 else for_screen(step.name))
    if len(steps) > _SHOWN:
        words.append(f"and {count(len(steps) - _SHOWN, 'more step')}")
    return [f"not run: {', '.join(words)}"]


def _run(record: RunRecord) -> str:
    return f", run {record.run_id}"


def alike(
    failed: Sequence[tuple[StepRecord, HostRecord]],
) -> list[tuple[StepRecord, list[HostRecord]]]:
    """Failures of one step that look the same are one, on several hosts."""
    groups: dict[tuple[object, ...], tuple[StepRecord, list[HostRecord]]] = {}
    for step, host in failed:
        out = host.output
        key = (step.name, host.status, host.message, out.get("exit_code"), out.get("stderr"))
        groups.setdefault(key, (step, []))[1].append(host)
    return list(groups.values())


def _names(hosts: Sequence[HostRecord]) -> str:
    names = [host.host for host in hosts]
    if len(names) <= _NAMES:
        return ", ".join(names)
    return f"{fold_names(names, _COLUMNS)} ({len(names)} hosts)"


def failure_lines(
    step: StepRecord, hosts: Sequence[HostRecord], paint: Paint, *, tail: int = _TAIL
) -> list[str]:
    """The step, the hosts, what happened, and the last lines of stderr (else of stdout)."""
    host = hosts[0]
    out = host.output
    title = paint(f"{step.name} on {_names(hosts)}", "bold")
    lines = [f"{paint.status(host.status, '✗')} {title}: {host.status}{_how(out, host)}"]
    for stream, mark in (("stderr", paint("!", "yellow")), ("stdout", "|")):
        said = str(out.get(stream) or "").rstrip("\n")
        if said and tail:
            shown = (for_screen(line, color=False) for line in said.split("\n")[-tail:])
            lines += [f"    {mark} {line}".rstrip() for line in shown]
            break
    hint = (out.get("error") or {}).get("hint")
    if hint:
        lines.append(f"    {paint('hint:', 'cyan')} {hint}")
    return lines


def _how(out: dict[str, Any], host: HostRecord) -> str:
    message = host.message or str((out.get("error") or {}).get("message") or "")
    if out.get("exit_code") is not None and "exit code" not in message:
        message = f"exit code {out['exit_code']}" + (f", {message}" if message else "")
    elif out.get("signal") is not None and "signal" not in message:
        message = f"signal {out['signal']}" + (f", {message}" if message else "")
    return f": {for_screen(message)}" if message else ""


def _hints(record: RunRecord) -> list[str]:
    hints = [f"runyard show {record.run_id}"]
    if record.status in (Status.FAILED, Status.CANCELED, Status.INTERRUPTED):
        hints.append(f"runyard resume {record.run_id}   goes on from what is not done")
    if record.epoch > 1 and any(_is_network(host) for _, host in failures(record)):
        hints.append(
            "this run keeps the inventory that it was started with; a corrected one needs a new run"
        )
    return hints


def _is_network(host: HostRecord) -> bool:
    return (host.output.get("error") or {}).get("class") == NetworkError.klass
