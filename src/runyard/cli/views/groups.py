"""Groups of hosts as lines of text: each output once, with the hosts that printed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from runyard.cli.capture import Line
from runyard.cli.fold import fold_names
from runyard.cli.grouping import Group
from runyard.cli.lines import MARKS
from runyard.cli.style import Paint
from runyard.cli.text import count
from runyard.model.light import dataclass
from runyard.model.status import Status

_NAMES = 72
_MOST, _LEAST, _IN_ALL = 200, 10, 20_000
"""Lines that are shown of a group, and of all groups of a step together."""


@dataclass(frozen=True, slots=True)
class GroupWriter:
    """Writes the groups of a step, the largest first.

    Several hosts: `web[1-40]: same 3 lines`, then these lines, indented. One host: its lines as
    they are written while it runs, `web41 | text`. Of long output head and tail are shown, and
    how to see the rest.
    """

    paint: Paint
    clean: Callable[[str], str]
    name: Callable[[str], str]
    logs: str
    """The command that shows the output of the run."""

    def lines(self, step: str, groups: Sequence[Group]) -> Iterator[str]:
        """All lines; without line ends."""
        most = max(_LEAST, min(_MOST, _IN_ALL // max(1, len(groups))))
        for group in groups:
            hosts = group.hosts
            if len(hosts) == 1:
                yield from self._one(step, hosts[0], group, most)
            else:
                yield from self._many(step, hosts, group, most)

    def _many(self, step: str, hosts: list[str], group: Group, most: int) -> Iterator[str]:
        words = [] if group.status == Status.SUCCESS else [self.paint.status(group.status)]
        if group.message:
            words.append(self.clean(group.message.replace("\n", " ")))
        if group.capture.count:
            words.append(f"same {count(group.capture.count, 'line')}")
        elif group.status == Status.SUCCESS:
            words.append("no output")
        yield f"{self.paint(fold_names(hosts, _NAMES), 'cyan')}: {', '.join(words)}"
        yield from self._text(step, hosts[0], group, most, "  ")
        for warning in group.warnings:
            yield f"  {self.paint('~', 'yellow')} warning: {self.clean(warning)}"

    def _one(self, step: str, host: str, group: Group, most: int) -> Iterator[str]:
        name = f"{self.paint(self.name(host), 'cyan')} "
        yield from self._text(step, host, group, most, name)
        if group.status not in (Status.SUCCESS, "running") or not group.capture.count:
            words = [self.paint.status(group.status)]
            if group.message:
                words.append(self.clean(group.message.replace("\n", " ")))
            elif not group.capture.count:
                words.append("no output")
            yield f"{name}= {', '.join(words)}"
        for warning in group.warnings:
            yield f"{name}{self.paint('~', 'yellow')} warning: {self.clean(warning)}"

    def _text(self, step: str, host: str, group: Group, most: int, begin: str) -> Iterator[str]:
        head, left, tail = group.capture.shown(most)
        for line in head:
            yield begin + self._line(line)
        if left:
            note = f"… {count(left, 'more line')}: {self.logs} --step {step} --host {host}"
            yield begin + self.paint(note, "dim")
        for line in tail:
            yield begin + self._line(line)

    def _line(self, line: Line) -> str:
        mark = MARKS[line.stream]
        if line.stream == "stderr":
            mark = self.paint(mark, "yellow")
        return f"{mark} {self.clean(line.text)}"
