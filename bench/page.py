"""docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figure import Figure

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def machine() -> str:
    """The machine in one line."""
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}, "
        f"{memory:.0f} GB, Linux {platform.release()}, Python {platform.python_version()}, "
        f"load {load:.1f} when the page was written"
    )


def write(groups: Mapping[str, Sequence[Figure]], rounds: int) -> None:
    """Write the page."""
    rows = "\n".join(figure.row() for figures in groups.values() for figure in figures)
    PAGE.write_text(
        "# Benchmarks\n\n"
        "<!-- Written by `make bench`. -->\n\n"
        f"Measured on {time.strftime('%Y-%m-%d')}: {machine()}.\n\n"
        f"Medians of {rounds} rounds (start-up: {rounds * 4}); ratios are taken round by round "
        "against a floor\nmeasured beside them, so that a noisy machine does not decide. Runs are "
        "whole processes of the\ninstalled program, journaled, with every process start and the "
        "compiler included.\n\n"
        "| figure | target | measured | beside it | reached |\n|---|---|---|---|---|\n"
        f"{rows}\n\n"
        "*Floor*: asyncio starting `sh -c true` with two pipes, stdin null, a new session. "
        "*`cat >file`*: the\nsame stream into a file by `cat`; both write to memory, because a "
        "disk that is the bottleneck\nwould flatter us.\n",
        encoding="utf-8",
    )
