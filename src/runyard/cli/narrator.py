"""Tells a run as lines of text: headers of steps, lines of output, results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from runyard.cli.feed import Item
from runyard.cli.lines import MARKS, LineBuffer
from runyard.cli.style import Paint
from runyard.cli.text import count, pad, width
from runyard.model.duration import format_duration
from runyard.model.event import Event
from runyard.model.status import Status
from runyard.store.tail import OutputChunk

if TYPE_CHECKING:
    from runyard.cli.grouped_step import GroupedStep

_MAX_NAME = 24
MANY = 20
"""Hosts of a step above which its output is grouped, and its good results are only counted."""


class Narrator:
    """Folds items into lines; whole lines only, each with the host that printed it.

    `host | text` is stdout, `host ! text` stderr, `host = text` how the step ended there. A
    header names the step: when it begins, or, while another step is at work, when it has something
    to say. A short one follows when lines of another step came between.

    A step on more than `group` hosts (None: however many) is told when it has ended: each output
    once, with all hosts that printed it (`GroupWriter`). When it is slow, news are told before
    that. Of a step on more than MANY hosts only the first failures are named; the rest are counts.
    """

    def __init__(
        self,
        paint: Paint,
        *,
        clean: Callable[[str], str] = str,
        group: int | None = MANY,
    ) -> None:
        self._paint = paint
        self._clean = clean
        self._group = group
        self._buffer = LineBuffer()
        self._current = ""
        self._name_width = 0
        self._hosts: dict[str, int] = {}
        self._counts: dict[str, Counter[str]] = {}
        self._noted: Counter[str] = Counter()
        self._places: dict[str, str] = {}
        self._named: set[str] = set()
        self._at_work: dict[str, set[str]] = {}
        self._grouped: dict[str, GroupedStep] = {}
        self._run_id = "RUN"
        self._resumed = False

    @property
    def is_grouping(self) -> bool:
        """True while a step goes on whose output waits for its end."""
        return bool(self._grouped)

    def tell(self, item: Item) -> list[str]:
        """The lines that `item` adds; without line ends."""
        self._run_id = item.run_id
        if isinstance(item, OutputChunk):
            key = (item.step, item.host, item.n, item.stream)
            lines = self._buffer.feed(key, item.data)
            if item.step in self._counts:
                self._at_work.setdefault(item.step, set()).add(item.host)
            return self._output(item.step, item.host, item.stream, lines)
        handler = _HANDLERS.get(item.type)
        return handler(self, item) if handler is not None else []

    def tick(self, now: float) -> list[str]:
        """What is told although the steps that printed it go on; `now` in seconds of any clock."""
        told = []
        for step, grouped in self._grouped.items():
            for host, lines in grouped.tick(now).items():
                for line in lines:
                    told += self._under(step, [self._line(host, line.stream, line.text)])
        return told

    def progress(self) -> list[str]:
        """A line about each step that is grouped and goes on."""
        return [
            f"{self._paint('~', 'yellow')} {step}: {self._counts[step].total()} of "
            f"{count(self._hosts[step], 'host')} done, {len(self._at_work.get(step, ()))} running"
            for step in self._grouped
            if step in self._counts
        ]

    def finish(self) -> list[str]:
        """Lines that never ended, and what still waited for the end of a step."""
        told = []
        for (step, host, _, stream), text in self._buffer.finish_all():
            told += self._output(step, host, stream, [text])
        for step in list(self._grouped):
            told += self._groups(step)
        return told

    def _output(self, step: str, host: str, stream: str, lines: list[str]) -> list[str]:
        if not lines:
            return []
        grouped = self._grouped.get(step)
        if grouped is not None and not grouped.has_ended(host):
            lines = [line.text for line in grouped.hear(host, stream, lines)]
        return self._under(step, [self._line(host, stream, line) for line in lines])

    def _line(self, host: str, stream: str, text: str) -> str:
        mark = MARKS[stream]
        if stream == "stderr":
            mark = self._paint(mark, "yellow")
        return f"{self._paint(self._host(host), 'cyan')} {mark} {self._clean(text)}"

    def _groups(self, step: str) -> list[str]:
        """What was kept of a step on many hosts, each output once."""
        from runyard.cli.views.groups import GroupWriter

        groups = self._grouped.pop(step).groups()
        logs = f"runyard logs {self._run_id}"
        writer = GroupWriter(self._paint, self._clean, self._host, logs)
        return self._under(step, list(writer.lines(step, groups)))

    def _under(self, step: str, lines: list[str]) -> list[str]:
        if step == self._current or not lines:
            return lines
        return [self._header(step), *lines]

    def _header(self, step: str) -> str:
        self._current = step
        if step in self._named:
            return f"{self._paint('──', 'dim')} {self._paint(step, 'bold')}"
        self._named.add(step)
        place = self._places.get(step, "")
        hosts = self._hosts.get(step, 0)
        many = f"  ({hosts} hosts)" if hosts > 1 else ""
        return f"{self._paint('──', 'dim')} {place}{self._paint(step, 'bold')}{many}"

    def _host(self, name: str) -> str:
        self._name_width = max(self._name_width, min(width(name), _MAX_NAME))
        return pad(name, self._name_width)

    def _step_started(self, event: Event) -> list[str]:
        hosts = list(event.data.get("hosts") or ())
        self._named.discard(event.step)
        self._noted.pop(event.step, None)
        self._hosts[event.step] = len(hosts)
        self._counts[event.step] = Counter()
        index, total = event.data.get("index"), event.data.get("total")
        if isinstance(index, int) and total:
            self._places[event.step] = f"[{index}/{total}] "
        longest = max((width(name) for name in hosts), default=0)
        self._name_width = max(self._name_width, min(longest, _MAX_NAME))
        if self._group is not None and len(hosts) > self._group:
            from runyard.cli.grouped_step import GroupedStep

            self._grouped[event.step] = GroupedStep(hosts)
        return []

    def _begins(self, event: Event) -> list[str]:
        """The header, once the step does something: on a resume, much is done already."""
        self._at_work.setdefault(event.step, set()).add(event.host)
        if event.step in self._named or self._at_work.get(self._current):
            return []
        return [self._header(event.step)]

    def _rest(self, event: Event) -> list[str]:
        """The unfinished lines of the host: what comes next stands on a line of its own."""
        lines = []
        for stream, text in self._buffer.finish(event.step, event.host):
            lines += self._output(event.step, event.host, stream, [text])
        return lines

    def _result(self, event: Event) -> list[str]:
        lines = self._rest(event)
        self._at_work.get(event.step, set()).discard(event.host)
        result = event.data.get("result") or {}
        status = str(result.get("status", ""))
        counts = self._counts.setdefault(event.step, Counter())
        counts[status] += 1
        warnings = [str(warning) for warning in result.get("warnings") or ()]
        grouped = self._grouped.get(event.step)
        if grouped is not None:
            words = [str(result.get("message") or "")]
            words += ["tolerated"] if result.get("tolerated") else []
            grouped.end(event.host, status, ", ".join(filter(None, words)), warnings)
        good = status in (Status.SUCCESS, Status.SKIPPED)
        bad = counts.total() - counts[Status.SUCCESS] - counts[Status.SKIPPED]
        if grouped is not None:
            told = grouped.slow and not good and bad <= MANY
        else:
            told = not self._is_many(event.step) or (not good and bad <= MANY)
        if told:
            lines += self._under(event.step, [self._ending(event.host, status, result)])
        if grouped is None:
            for warning in warnings:
                lines += self._noting(event, "warning", warning)
        return lines

    def _is_many(self, step: str) -> bool:
        return self._hosts.get(step, 1) > MANY

    def _ending(self, host: str, status: str, result: Mapping[str, Any]) -> str:
        words = [self._paint.status(status)]
        if result.get("changed") and status == Status.SUCCESS:
            words.append("changed")
        started, ended = result.get("started_at"), result.get("ended_at")
        if started and ended and status != Status.SKIPPED:
            words.append(format_duration(max(0.0, ended - started)))
        if message := str(result.get("message") or ""):
            words.append(self._clean(message.replace("\n", " ")))
        return f"{self._paint(self._host(host), 'cyan')} = {', '.join(words)}"

    def _note(self, host: str, kind: str, text: str) -> str:
        who = f"{self._paint(self._host(host), 'cyan')} " if host else ""
        return f"{who}{self._paint('~', 'yellow')} {kind}: {self._clean(text)}"

    def _noting(self, event: Event, kind: str, text: str) -> list[str]:
        """A note about a host. Of a step on many hosts the first ones are told, others counted."""
        if not event.step:
            return [self._note(event.host, kind, text)]
        if event.host and self._is_many(event.step):
            self._noted[event.step] += 1
            if self._noted[event.step] > MANY:
                return []
        return self._under(event.step, [self._note(event.host, kind, text)])

    def _step_finished(self, event: Event) -> list[str]:
        counts = self._counts.pop(event.step, Counter())
        self._at_work.pop(event.step, None)
        lines = self._groups(event.step) if event.step in self._grouped else []
        more = self._noted.pop(event.step, 0) - MANY
        if more > 0:
            kind = f"… and {count(more, 'more note')}"
            note = self._note("", kind, f"runyard events {self._run_id}")
            lines += self._under(event.step, [note])
        if not self._is_many(event.step) and not lines:
            return []
        words = [f"{n} {self._paint.status(s)}" for s, n in sorted(counts.items())]
        left = self._hosts.get(event.step, 0) - counts.total()
        if left > 0 and not self._resumed:
            words.append(self._paint(f"{left} not started", "dim"))
        return [*lines, *self._under(event.step, [f"= {', '.join(words) or 'all done before'}"])]

    def _retry(self, event: Event) -> list[str]:
        data = event.data
        text = f"attempt {data.get('n')} in {format_duration(float(data.get('delay') or 0))}"
        if data.get("reason"):
            text += f" ({data['reason']})"
        lines = self._rest(event)
        if event.step in self._grouped:
            self._grouped[event.step].again(event.host)
        return [*lines, *self._noting(event, "retry", text)]

    def _warning(self, event: Event) -> list[str]:
        if event.step in self._grouped and event.data.get("code") == "TOLERATED":
            return []
        return self._noting(event, "warning", str(event.data.get("message", "")))

    def _approval(self, event: Event) -> list[str]:
        message = event.data.get("message") or "approval needed"
        return self._under(event.step, [self._note("", "waits for approval", str(message))])

    def _decision(self, event: Event) -> list[str]:
        by = f" by {event.data['by']}" if event.data.get("by") else ""
        comment = f": {event.data['comment']}" if event.data.get("comment") else ""
        text = f"{event.data.get('decision', 'decided')}{by}{comment}"
        return self._under(event.step, [self._note("", "approval", text)])

    def _plain(self, event: Event) -> list[str]:
        self._current = ""
        self._resumed |= event.type == "run.resumed"
        return [f"{self._paint('──', 'dim')} {self._paint(_SAYINGS[event.type], 'bold')}"]


_SAYINGS = {"rollback.started": "rolling back", "run.resumed": "resumed"}
_HANDLERS: dict[str, Callable[[Narrator, Event], list[str]]] = {
    "step.started": Narrator._step_started,
    "attempt.started": Narrator._begins,
    "step.finished": Narrator._step_finished,
    "result.reached": Narrator._result,
    "attempt.finished": Narrator._rest,
    "retry.scheduled": Narrator._retry,
    "warning.raised": Narrator._warning,
    "approval.requested": Narrator._approval,
    "approval.decided": Narrator._decision,
    "rollback.started": Narrator._plain,
    "run.resumed": Narrator._plain,
}
