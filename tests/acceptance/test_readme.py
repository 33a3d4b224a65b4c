"""The README's tour and the documentation's consoles are executed line by line."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.console import Command, File, agrees, read
from tests.conftest import PROGRAM, ROOT

PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "```console" in page.read_text()),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_is_true(page: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    shutil.copytree(ROOT / "examples", place / "examples")
    env = {
        **os.environ,
        "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}",
        "RUNYARD_STATE": str(tmp_path / "state"),
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    parts = list(read(page))
    assert any(isinstance(part, Command) for part in parts)
    sessions: list[int] = []
    try:
        for part in parts:
            if isinstance(part, File):
                (place / part.name).parent.mkdir(parents=True, exist_ok=True)
                (place / part.name).write_text(part.text)
                continue
            real = _type(part, place, env, sessions)
            assert agrees(part.output, real), f"$ {part.line}\n{real}"
    finally:
        for session in sessions:  # what the page has in the background and has not ended
            with suppress(ProcessLookupError):
                os.killpg(session, signal.SIGTERM)


def _type(command: Command, place: Path, env: dict[str, str], sessions: list[int]) -> str:
    with subprocess.Popen(
        ["bash", "-c", command.line],
        cwd=place,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as typed:
        sessions.append(typed.pid)
        try:
            return typed.communicate(timeout=60)[0]
        except subprocess.TimeoutExpired:
            os.killpg(typed.pid, signal.SIGKILL)
            raise


def test_the_chinese_tour_is_the_same_but_for_comments_in_its_files() -> None:
    def told(name: str) -> list[File | Command]:
        parts = []
        for part in read(ROOT / name):
            if isinstance(part, File):
                part = File(part.name, re.sub(" +# .*", "", part.text))
            parts.append(part)
        return parts

    assert told("README.zh-CN.md") == told("README.md")


def test_a_page_that_lies_is_found() -> None:
    assert agrees("a … c\n…\nend\n", "a b c\nx\ny\nend\n")
    assert agrees("…\n", "")
    assert not agrees("a b\n", "a c\n")
    assert not agrees("a\n", "a\nb\n")
    assert not agrees("a\nb\n", "a\n")
    assert not agrees("(.*)\n", "anything\n")
