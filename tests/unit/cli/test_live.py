"""The parts of the live view."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from runyard.cli.pipe import Pipe
from runyard.cli.text import width
from runyard.cli.views.board import Board
from runyard.cli.views.hostmap import HostMap
from runyard.cli.views.panel import Panel
from runyard.cli.views.screen import HIDE, SHOW, Screen
from tests.acceptance.terminal import Emulator
from tests.unit.cli.items import chunk, event, result, started


def board(*items: Any) -> Board:
    made = Board("run-12345678", "deploy")
    for item in items:
        if hasattr(item, "type"):
            made.see(item)
        else:
            made.hear(item)
    return made


def test_board_follows_a_step() -> None:
    made = board(
        started("build", "a", "b", index=2, total=5),
        event("attempt.started", "build", "a", n=1),
        event("attempt.started", "build", "b", n=1),
        chunk(b"one\ntwo\n", host="a"),
        result("build", "b", "failed"),
    )
    step = made.steps["build"]
    assert list(step.hosts) == ["a"]
    assert step.last == {"a": "two"}
    assert (step.finished_hosts, made.failed, made.total) == (1, 1, 5)
    made.see(result("build", "a"))
    made.see(event("step.finished", "build", status="failed"))
    assert made.steps == {}
    assert made.finished == 1


def test_who_prints_is_at_work() -> None:
    made = board(started("build", "a", "b"), chunk(b"attached\n", host="a"))
    assert list(made.steps["build"].hosts) == ["a"]
    made.see(result("build", "a"))
    made.hear(chunk(b"late\n", host="a"))
    assert made.steps["build"].hosts == {}


def test_steps_of_one_task_are_at_work_one_after_the_other() -> None:
    names = [f"w[{n}]" for n in range(3)]
    made = board(*(started(name, "h", index=n, total=3) for n, name in enumerate(names, 1)))
    assert [step.name for step in made.now] == names
    made.see(event("attempt.started", "w[0]", "h", n=1))
    assert [step.name for step in made.now] == ["w[0]"]
    made.see(result("w[0]", "h"))
    made.see(event("attempt.started", "w[1]", "h", n=1))
    assert [step.name for step in made.now] == ["w[1]"]
    assert (made.finished, made.total) == (1, 3)
    for name in names:
        made.see(event("step.finished", name))
    assert made.finished == 3


def test_board_keeps_open_approvals() -> None:
    made = board(event("approval.requested", "deploy"))
    assert list(made.waiting) == ["deploy"]
    made.see(event("approval.decided", "deploy", decision="approved"))
    assert not made.waiting


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (40, 12), (12, 3), (3, 1), (1, 1)])
def test_panel_fits_any_terminal(columns: int, rows: int) -> None:
    hosts = [f"主机-{n:04d}" for n in range(1000)]
    made = board(
        started("a step with a name that is rather long", *hosts, index=1, total=2),
        *(event("attempt.started", "a step with a name that is rather long", h) for h in hosts),
        *(result("a step with a name that is rather long", h) for h in hosts[:400]),
    )
    lines = Panel(False).lines(made, columns, rows)
    assert 1 <= len(lines) <= max(1, rows // 3)
    assert all(width(line) <= columns for line in lines)


def test_panel_groups_a_thousand_hosts() -> None:
    hosts = [f"web{n}" for n in range(1000)]
    made = board(
        started("build", *hosts, index=3, total=7),
        *(event("attempt.started", "build", h) for h in hosts[:500]),
        *(result("build", h) for h in hosts[:300]),
        *(result("build", h, "failed") for h in hosts[300:310]),
    )
    text = "\n".join(Panel(False).lines(made, 120, 24))
    assert "[3/7] build" in text
    assert "310/1000 hosts, 190 running, 10 failed, 300 success" in text
    assert "run-12345678" in text


def test_panel_maps_the_hosts_in_their_order() -> None:
    hosts = [f"web{n}" for n in range(10)]
    made = board(
        started("build", *hosts),
        *(event("attempt.started", "build", h) for h in hosts[:8]),
        result("build", "web0"),
        result("build", "web1", "failed"),
        result("build", "web2", "skipped"),
        result("build", "web3", "canceled"),
    )
    assert Panel(False).lines(made, 80, 24)[1] == "   ■✗□✗▪▪▪▪··"
    few = board(started("build", *hosts[:3]), event("attempt.started", "build", "web0"))
    assert Panel(False).lines(few, 80, 24)[1].startswith("   web0")


@pytest.mark.parametrize(("hosts", "columns", "rows"), [(1000, 80, 24), (10_000, 120, 40)])
def test_the_map_of_many_hosts_fits_and_shows_every_failure(
    hosts: int, columns: int, rows: int
) -> None:
    names = [f"web{n}" for n in range(hosts)]
    made = board(started("build", *names))
    for name in names:
        made.see(event("attempt.started", "build", name))
        made.see(result("build", name, "failed" if name == "web777" else "success"))
    made.see(event("attempt.started", "build", names[-1]))
    made.steps["build"].done["success"] -= 1  # the step is still at work
    lines = Panel(False).lines(made, columns, rows)[1:4]
    assert all(width(line) <= columns for line in lines)
    assert "".join(lines).count("✗") == 1


def test_a_map_of_nothing_and_of_strangers() -> None:
    empty = HostMap([])
    empty.begin("web1")
    empty.end("web1", "success")
    assert empty.cells(10) == []


def test_panel_says_what_it_does_not_show() -> None:
    made = board(*(started(f"s{n}", "h", index=n, total=20) for n in range(1, 11)))
    lines = Panel(False).lines(made, 80, 24)
    assert [line.split()[2] for line in lines[:5]] == ["s1", "s2", "s3", "s4", "s5"]
    assert lines[5:-1] == ["  … and 5 more steps at work"]


def test_panel_shows_the_last_line_of_a_step_on_one_host() -> None:
    made = board(started("build", "h", index=1, total=1), chunk(b"compiling\n", host="h"))
    assert Panel(False).lines(made, 80, 24)[0].endswith("s  compiling")


def test_panel_aligns_hosts_and_keeps_the_id_whole() -> None:
    made = board(started("build", "a", "a-host-with-a-long-name.example.org"))
    for host in ("a", "a-host-with-a-long-name.example.org"):
        made.hear(chunk(b"words\n", host=host))
    made.title = "a title that is much too long for a line of eighty columns"
    *_, first, second, foot = Panel(False).lines(made, 80, 24)
    assert "a-host-with-a-long-name…" in second
    assert first.startswith("   a" + " " * 24)
    assert "Ctrl-C cancels  run-12345678" in foot


def test_no_colour_when_not_wanted() -> None:
    lines = Panel(False).lines(board(started("build", "a", "b")), 80, 24)
    assert "\x1b" not in "".join(lines)
    lines = Panel(True).lines(board(started("build", "a", "b")), 80, 24)
    assert "\x1b[" in "".join(lines)


def test_screen_replaces_its_lower_lines_only() -> None:
    reader, writer = os.pipe()

    async def main() -> None:
        pipe = Pipe(writer)
        screen = Screen(pipe, writer)
        await screen.draw(["first"], ["now 1", "foot"])
        await screen.draw(["second"], ["now 2"])
        await screen.close()
        await pipe.close()
        os.close(writer)

    asyncio.run(main())
    text = os.read(reader, 1 << 16).decode()
    os.close(reader)
    assert text == (f"{HIDE}first\nnow 1\nfoot\r\x1b[1A\x1b[Jsecond\nnow 2\r\x1b[J{SHOW}")


def test_screen_writes_over_what_it_draws_again() -> None:
    reader, writer = os.pipe()

    async def main() -> None:
        pipe = Pipe(writer)
        screen = Screen(pipe, writer)
        for below in (["now 1", "hosts", "foot"], ["now 2", "foot"], ["now 3", "h", "i", "foot"]):
            await screen.draw([], below)
        await screen.close()
        await pipe.close()
        os.close(writer)

    asyncio.run(main())
    text = os.read(reader, 1 << 16).decode().replace("\n", "\r\n")
    os.close(reader)
    terminal = Emulator(80, 24)
    second = text.index("now 2")
    assert "\x1b[J" not in text[: text.index("foot", second)]
    terminal.feed(text[: text.index("now 3")])
    assert terminal.text == "now 2\nfoot"
    terminal.feed(text[text.index("now 3") : text.rindex("\r")])
    assert terminal.text == "now 3\nh\ni\nfoot"
