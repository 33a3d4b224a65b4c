"""The output of a run with each output once, for `runyard logs --group`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from runyard.cli.grouping import Grouping
from runyard.cli.lines import LineBuffer
from runyard.cli.style import Paint
from runyard.cli.text import count
from runyard.cli.views.groups import GroupWriter
from runyard.model.run import StepRecord
from runyard.model.status import Status

if TYPE_CHECKING:
    from runyard.service.runs import Runs


async def grouped_log(
    runs: Runs,
    run_id: str,
    paint: Paint,
    clean: Callable[[str], str],
    *,
    step: str | None = None,
    host: str | None = None,
    stream: str | None = None,
) -> AsyncIterator[str]:
    """Lines, without line ends: per step the groups of its hosts, as they are now.

    A step is read at a time. Of a host whose step was tried several times the last try counts.
    """
    record = await runs.journal.get(run_id, outputs=False)
    writer = GroupWriter(paint, clean, str, f"runyard logs {run_id}")
    for each in record.steps:
        if step not in (None, each.name):
            continue
        grouping = await _read(runs, run_id, each, host, stream)
        for name, known in each.hosts.items():
            if host in (None, name) and known.status not in (Status.QUEUED, Status.RUNNING):
                grouping.end(name, known.status.value, known.message)
        groups = grouping.groups()
        if groups:
            hosts = sum(len(group.hosts) for group in groups)
            many = f"  ({count(hosts, 'host')})" if hosts > 1 else ""
            yield f"{paint('──', 'dim')} {paint(each.name, 'bold')}{many}"
            for line in writer.lines(each.name, groups):
                yield line


async def _read(
    runs: Runs, run_id: str, step: StepRecord, host: str | None, stream: str | None
) -> Grouping:
    grouping, buffer, tries = Grouping(step.hosts), LineBuffer(), dict[str, int]()
    async for chunk in runs.logs(run_id, step=step.name, host=host, stream=stream):
        if chunk.n > tries.setdefault(chunk.host, chunk.n):
            tries[chunk.host] = chunk.n
            buffer.finish(step.name, chunk.host)
            grouping.again(chunk.host)
        key = (chunk.step, chunk.host, chunk.n, chunk.stream)
        if lines := buffer.feed(key, chunk.data):
            grouping.hear(chunk.host, chunk.stream, lines)
    for (_, name, _, printed), text in buffer.finish_all():
        grouping.hear(name, printed, [text])
    return grouping
