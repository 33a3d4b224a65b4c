"""The live view, as a person sees it on a terminal."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.acceptance.processes import supervisors
from tests.acceptance.terminal import Terminal
from tests.conftest import PROGRAM, Run


def write(folder: Path, text: str, name: str = "w.yaml") -> Path:
    path = folder / name
    path.write_text("version: v0.1\nname: live\n" + text)
    return path


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    return {"RUNYARD_STATE": str(tmp_path / "state")}


STEPS = """
steps:
  - name: first
    action: cmd.run
    args: {cmd: "for i in $(seq 1 40); do echo line-$i; done; echo careful >&2"}
  - name: second
    action: cmd.run
    args: {cmd: "echo begun; while [ ! -e go ]; do sleep 0.05; done; printf unfinished"}
"""


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (30, 6), (14, 3)])
def test_steps_below_output_above_nothing_lost(
    tmp_path: Path, state: dict[str, str], columns: int, rows: int
) -> None:
    file = write(tmp_path, STEPS)
    with Terminal(
        [PROGRAM, "run", file], cwd=tmp_path, columns=columns, rows=rows, env=state
    ) as terminal:
        terminal.until("begun")
        terminal.until(lambda e: not e.cursor_shown and "live" in e.screen)
        if columns == 80:
            terminal.until(lambda e: "[2/2] second" in e.screen and "1/2 steps" in e.screen)
        (tmp_path / "go").touch()
        assert terminal.wait() == 0
        assert terminal.emulator.cursor_shown
    joined = terminal.text.replace("\n", "")
    for i in range(1, 41):
        assert joined.count(f"| line-{i}local" if i < 40 else "| line-40") == 1, i
    assert joined.count("! careful") == 1
    assert joined.count("| unfinished") == 1
    assert "Ctrl-C" not in terminal.text
    assert "success: 2 ok" in joined


def test_a_thousand_hosts_are_counted(tmp_path: Path, state: dict[str, str]) -> None:
    hosts = "\n".join(f"    h{n:04d}: {{}}" for n in range(1000))
    file = write(
        tmp_path,
        f"inventory:\n  hosts:\n{hosts}\n"
        "steps:\n  - name: everywhere\n    action: cmd.run\n    concurrency: 20\n"
        "    args: {cmd: 'test $RUNYARD_X != 0007 || exit 9', env: {RUNYARD_X: '${N:-1}'}}\n",
    )
    with Terminal([PROGRAM, "run", file], cwd=tmp_path, env=state) as terminal:
        terminal.until(lambda e: "/1000 hosts" in e.screen and "running" in e.screen)
        assert terminal.wait(120) == 0
    assert "= 1000 success" in terminal.text
    assert "success: 1000 ok" in terminal.text
    assert len(terminal.text.splitlines()) < 20


def test_what_a_step_prints_cannot_drive_the_terminal(
    tmp_path: Path, state: dict[str, str]
) -> None:
    file = write(
        tmp_path,
        "steps:\n  - name: wild\n    action: cmd.run\n    args:\n"
        "      cmd: printf 'a\\033[2J\\033[1;1Hb\\007\\n\\033]0;title\\007c\\n10%%\\r99%%\\n'\n",
    )
    with Terminal([PROGRAM, "run", file], cwd=tmp_path, env={**state, "NO_COLOR": "1"}) as terminal:
        assert terminal.wait() == 0
    assert "\x1b[2J" not in terminal.raw
    assert "\x07" not in terminal.raw
    assert "\x1b[3" not in terminal.raw
    for line in ("local | ab", "local | c", "local | 99%"):
        assert line in terminal.text.splitlines()


STUBBORN = """
steps:
  - name: stubborn
    action: cmd.run
    args: {cmd: "trap '' TERM; echo pid $$; while :; do sleep 0.1; done"}
finally:
  - name: cleanup
    action: cmd.run
    args: {cmd: "echo cleaned"}
"""


def test_ctrl_c_cancels_cleanly_and_says_so(tmp_path: Path, state: dict[str, str]) -> None:
    file = write(tmp_path, STUBBORN.replace("trap '' TERM; ", ""))
    with Terminal([PROGRAM, "run", file], cwd=tmp_path, env=state) as terminal:
        terminal.until("| pid ")
        terminal.type("\x03")
        terminal.until("Ctrl-C again kills it")
        assert terminal.wait() == 3
    assert "| cleaned" in terminal.text
    assert "canceled:" in terminal.text
    pid = int(terminal.text.split("| pid ")[1].split()[0])
    assert gone(pid)


def test_ctrl_c_twice_kills(tmp_path: Path, state: dict[str, str], program: Run) -> None:
    file = write(tmp_path, STUBBORN)
    with Terminal([PROGRAM, "run", file], cwd=tmp_path, env=state) as terminal:
        terminal.until("| pid ")
        terminal.type("\x03")
        terminal.until("Ctrl-C again kills it")
        before = time.monotonic()
        terminal.type("\x03")
        assert terminal.wait() == 3
        took = time.monotonic() - before
    pid = int(terminal.text.split("| pid ")[1].split()[0])
    assert gone(pid)
    assert took < 9.0, "the grace of 10 s was not cut short"
    assert "| cleaned" not in terminal.text
    shown = json.loads(program("show", "last", "-o", "json").stdout)
    assert shown["status"] == "canceled"
    assert shown["steps"][0]["hosts"]["local"]["output"].get("survivors", 0) == 0


def test_ctrl_c_three_times_leaves(tmp_path: Path, state: dict[str, str], program: Run) -> None:
    file = write(tmp_path, STUBBORN)
    with Terminal([PROGRAM, "run", file, "--run-id", "left-over"], cwd=tmp_path, env=state) as seen:
        seen.until("| pid ")
        (supervisor,) = supervisors("left-over")
        # One that does not answer: a run that could not be ended would be left here.
        os.kill(int(supervisor), signal.SIGSTOP)
        try:
            for words in ("Ctrl-C again kills it", "Ctrl-C again leaves it", "left left-over"):
                seen.type("\x03")
                seen.until(words)
            assert seen.wait() == 4
            assert seen.emulator.cursor_shown
        finally:
            os.kill(int(supervisor), signal.SIGCONT)
    assert "`runyard cancel left-over` ends what is left of it" in seen.text.replace("\n", "")
    assert json.loads(program("show", "left-over", "-o", "json").stdout)["status"] == "interrupted"
    pid = int(seen.text.split("| pid ")[1].split()[0])
    deadline = time.monotonic() + 30
    while not gone(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(pid), "the supervisor was told to kill it"


def test_ctrl_backslash_cancels_cleanly(tmp_path: Path, state: dict[str, str]) -> None:
    file = write(tmp_path, STUBBORN.replace("trap '' TERM; ", ""))
    with Terminal([PROGRAM, "run", file], cwd=tmp_path, env=state) as terminal:
        terminal.until("| pid ")
        terminal.type("\x1c")
        assert terminal.wait() == 3
    assert "| cleaned" in terminal.text
    pid = int(terminal.text.split("| pid ")[1].split()[0])
    assert gone(pid)


APPROVAL = """
steps:
  - name: deploy
    approval: {message: ship it}
    action: cmd.run
    args: {cmd: "echo shipped"}
"""


def test_an_approval_is_asked_and_answered_here(tmp_path: Path, state: dict[str, str]) -> None:
    file = write(tmp_path, APPROVAL)
    with Terminal([PROGRAM, "run", file], cwd=tmp_path, env=state) as terminal:
        terminal.until("approve deploy: ship it? [yes/no]")
        terminal.type("what\n")
        terminal.until(lambda e: e.text.count("ship it? [yes/no]") == 2)
        terminal.type("yes\n")
        assert terminal.wait() == 0
    assert "| shipped" in terminal.text


def test_no_is_exit_code_5(tmp_path: Path, state: dict[str, str]) -> None:
    file = write(tmp_path, APPROVAL)
    with Terminal([PROGRAM, "run", file], cwd=tmp_path, env=state) as terminal:
        terminal.until("[yes/no]")
        terminal.type("no\n")
        assert terminal.wait() == 5
    assert "| shipped" not in terminal.text


def test_an_answer_from_elsewhere_takes_the_question_back(
    tmp_path: Path, state: dict[str, str], program: Run
) -> None:
    file = write(tmp_path, APPROVAL)
    with Terminal([PROGRAM, "run", file], cwd=tmp_path, env=state) as terminal:
        terminal.until("[yes/no]")
        done = program("approve", "last", "--comment", "go")
        assert (done.returncode, done.stdout) == (0, "approved: deploy\n")
        assert terminal.wait() == 0
    assert "| shipped" in terminal.text


def test_a_plan_is_shown_and_asked_for(tmp_path: Path, state: dict[str, str]) -> None:
    file = write(
        tmp_path,
        "plan: {mode: manual-approve}\nsteps:\n  - name: deploy\n    action: cmd.run\n"
        "    args: {cmd: echo shipped}\n",
    )
    with Terminal([PROGRAM, "run", file], cwd=tmp_path, env=state) as terminal:
        terminal.until("run this plan? [y/N]")
        assert "deploy  local  run" in terminal.text
        terminal.type("y\n")
        assert terminal.wait() == 0
    assert "| shipped" in terminal.text
    with Terminal([PROGRAM, "run", file], cwd=tmp_path, env=state) as terminal:
        terminal.until("run this plan? [y/N]")
        terminal.type("n\n")
        assert terminal.wait() == 5
    assert "| shipped" not in terminal.text
