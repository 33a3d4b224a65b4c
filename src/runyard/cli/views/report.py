"""A whole run on one page, for `runyard show`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from runyard.cli.ending import elapsed, failures, is_failure, survivors
from runyard.cli.fold import fold_names
from runyard.cli.render import fields, moment, table
from runyard.cli.style import Paint
from runyard.cli.text import count, for_screen
from runyard.cli.views.summary import alike, failure_lines, in_flight, status_line
from runyard.model.duration import format_duration
from runyard.model.run import HostRecord, RunRecord, StepRecord
from runyard.model.status import Status

_MANY, _COLUMNS = 20, 40
_ROWS, _FAILED, _LAST = 200, 100, 20
_TOLD = 20


class Row(NamedTuple):
    """A line of the table, and whether it is about a failure."""

    step: str
    host: str
    status: str
    time: str
    message: str
    failed: bool = False


def report(
    record: RunRecord, paint: Paint, *, lines: int, columns: int | None, everything: bool = False
) -> str:
    """Facts, a row per step × host (many hosts of one status are one row), failures, warnings.

    Of more than 200 rows the failures and the last ones are shown, and counts of the others;
    `everything` shows them all.
    """
    rows = [row for step in record.steps for row in _rows(step, final=record.status.is_final)]
    kept = rows if everything or len(rows) <= _ROWS else _important(rows)
    parts = [_facts(record, paint)]
    if kept:
        parts.append(
            table(
                ["STEP", "HOST", "STATUS", "TIME", "MESSAGE"],
                [list(row[:5]) for row in kept],
                columns=columns,
                paint=lambda i, cell: paint.status(cell.split()[0], cell) if i == 2 else cell,
            )
        )
    if len(kept) < len(rows):
        parts.append(_left_out(rows, kept))
    failed = [
        "\n".join(failure_lines(step, hosts, paint, tail=lines))
        for step, hosts in alike(failures(record))
    ]
    parts += failed if everything else _first(failed, "failure")
    warnings = [
        f"{paint('warning:', 'yellow')} {step.name} on {host.host}: {for_screen(str(text))}"
        for step in record.steps
        for host in step.hosts.values()
        for text in host.output.get("warnings") or ()
    ]
    if warnings:
        parts.append("\n".join(warnings if everything else _first(warnings, "warning")))
    parts.append(status_line(record, paint))
    return "\n\n".join(parts)


def _important(rows: Sequence[Row]) -> list[Row]:
    """The first failures and the last rows, in their order."""
    bad = [i for i, row in enumerate(rows) if row.failed][:_FAILED]
    return [rows[i] for i in sorted({*bad, *range(len(rows) - _LAST, len(rows))})]


def _left_out(rows: Sequence[Row], kept: Sequence[Row]) -> str:
    counts = Counter(row.status for row in rows)
    counts.subtract(row.status for row in kept)
    words = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()) if n)
    return f"… {len(rows) - len(kept)} of {len(rows)} rows are not shown: {words}; --all shows them"


def _first(texts: list[str], noun: str) -> list[str]:
    more = len(texts) - _TOLD
    return texts if more <= 0 else [*texts[:_TOLD], f"… and {count(more, f'more {noun}')}"]


def _facts(record: RunRecord, paint: Paint) -> str:
    name = record.workflow_name
    if record.workflow_version:
        name += f" ({record.workflow_version})"
    left = survivors(record)
    return fields(
        {
            "run": paint(record.run_id, "bold"),
            "workflow": name,
            "status": paint.status(record.status),
            "message": for_screen(record.message),
            "error": for_screen(record.last_error) if record.last_error != record.message else "",
            "interrupted": record.interrupted_reason,
            "started": moment(record.started_at),
            "finished": moment(record.finished_at),
            "time": format_duration(elapsed(record)),
            "in flight": paint(" ".join(in_flight(record)), "yellow"),
            "survivors": paint(str(left), "red") if left else "",
            "notifier": record.last_notify_error,
        }
    )


def _rows(step: StepRecord, *, final: bool) -> Iterator[Row]:
    """`final`: the run has ended, and what has not begun will not begin."""
    hosts = list(step.hosts.values())
    if len(hosts) <= _MANY:
        for host in hosts:
            yield _row(step, host.host, host, host, final)
        if not hosts:
            yield Row(step.name, "-", step.status.value, "-", step.message)
        return
    groups: dict[tuple[str, str], list[HostRecord]] = {}
    for host in hosts:
        groups.setdefault((_status(host), _message(host)), []).append(host)
    for members in groups.values():
        folded = fold_names([member.host for member in members], _COLUMNS)
        who = f"{folded} ({len(members)})" if len(members) > 1 else folded
        yield _row(step, who, members[0], max(members, key=lambda host: host.worked), final)


def _row(step: StepRecord, who: str, host: HostRecord, slowest: HostRecord, final: bool) -> Row:
    message = for_screen(_message(host))
    status = "not run" if final and host.status is Status.QUEUED else _status(host)
    return Row(step.name, who, status, _time(slowest), message, is_failure(host))


def _status(host: HostRecord) -> str:
    changed = host.status.is_good and host.output.get("changed")
    return f"{host.status.value} (changed)" if changed else host.status.value


def _time(host: HostRecord) -> str:
    if host.started_at is None or host.finished_at is None:
        return "-"
    return format_duration(host.worked)


def _message(host: HostRecord) -> str:
    attempt = int(host.output.get("attempt") or 0)
    tried = f"attempt {attempt}" if attempt > 1 else ""
    return ", ".join(word for word in (host.message, tried) if word)
