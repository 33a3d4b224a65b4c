"""A whole run on one page, for `runyard show`."""

from __future__ import annotations

from collections.abc import Iterator

from runyard.cli.ending import elapsed, failures, survivors
from runyard.cli.render import fields, moment, table
from runyard.cli.style import Paint
from runyard.cli.text import for_screen
from runyard.cli.views.summary import alike, failure_lines, status_line
from runyard.model.duration import format_duration
from runyard.model.run import HostRecord, RunRecord, StepRecord

_MANY = 20


def report(record: RunRecord, paint: Paint, *, lines: int, columns: int | None) -> str:
    """Facts, a row per step × host (many hosts of one status are one row), failures, warnings."""
    parts = [_facts(record, paint)]
    rows = list(_rows(record))
    if rows:
        parts.append(
            table(
                ["STEP", "HOST", "STATUS", "TIME", "MESSAGE"],
                rows,
                columns=columns,
                paint=lambda i, cell: paint.status(cell.split()[0], cell) if i == 2 else cell,
            )
        )
    for step, hosts in alike(failures(record)):
        parts.append("\n".join(failure_lines(step, hosts, paint, tail=lines)))
    warnings = [
        f"{paint('warning:', 'yellow')} {step.name} on {host.host}: {for_screen(str(text))}"
        for step in record.steps
        for host in step.hosts.values()
        for text in host.output.get("warnings") or ()
    ]
    if warnings:
        parts.append("\n".join(warnings))
    parts.append(status_line(record, paint))
    return "\n\n".join(parts)


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
            "resumed": f"{record.epoch - 1} times" if record.epoch > 1 else "",
            "survivors": paint(str(left), "red") if left else "",
            "notifier": record.last_notify_error,
        }
    )


def _rows(record: RunRecord) -> Iterator[list[str]]:
    for step in record.steps:
        yield from _step_rows(step)


def _step_rows(step: StepRecord) -> Iterator[list[str]]:
    hosts = list(step.hosts.values())
    if len(hosts) <= _MANY:
        for host in hosts:
            yield [step.name, host.host, _status(host), _time(host), for_screen(_message(host))]
        if not hosts:
            yield [step.name, "-", step.status.value, "-", step.message]
        return
    groups: dict[tuple[str, str], list[HostRecord]] = {}
    for host in hosts:
        groups.setdefault((_status(host), _message(host)), []).append(host)
    for (status, message), members in groups.items():
        names = f"{members[0].host} … {members[-1].host} ({len(members)})"
        who = names if len(members) > 1 else members[0].host
        slowest = max(members, key=lambda h: (h.finished_at or 0) - (h.started_at or 0))
        yield [step.name, who, status, _time(slowest), for_screen(message)]


def _status(host: HostRecord) -> str:
    changed = host.status.is_good and host.output.get("changed")
    return f"{host.status.value} (changed)" if changed else host.status.value


def _time(host: HostRecord) -> str:
    if host.started_at is None or host.finished_at is None:
        return "-"
    return format_duration(max(0.0, host.finished_at - host.started_at))


def _message(host: HostRecord) -> str:
    attempt = int(host.output.get("attempt") or 0)
    tried = f"attempt {attempt}" if attempt > 1 else ""
    return ", ".join(word for word in (host.message, tried) if word)
