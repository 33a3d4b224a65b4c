"""Tasks of real agents: attached, outliving the agent, ended with all that they started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.agent_process import Agent, agent, alive, until

# A lost task is swept by its name: no two tests at once may have the same.
RUN = f"tasks-{os.getpid()}"

# Writes a line, waits for the file `go`, writes on: what is done before and after is counted.
COUNTING = """
echo started >>{place}/started
n=0; while [ $n -lt 200 ]; do echo line $n; n=$((n+1)); done
until [ -e {place}/go ]; do sleep 0.02; done
while [ $n -lt 400 ]; do echo line $n; n=$((n+1)); done
"""
LINES = "".join(f"line {n}\n" for n in range(400))

# A child in a session of its own, a grandchild of a dead parent, both deaf to SIGTERM.
TREE = """
trap '' TERM
setsid sh -c "trap '' TERM; echo \\$\\$ >>{place}/pids; sleep 300" &
(setsid sh -c "trap '' TERM; (env -i sh -c 'echo \\$\\$ >>{place}/pids; sleep 300' &)" &)
until [ "$(wc -l <{place}/pids)" = 2 ]; do sleep 0.02; done
echo $$ >>{place}/pids
sleep 300
"""


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Agent]:
    with agent(tmp_path / "state") as running:
        yield running


def begin(one: Agent, task_id: str, text: str, **more: Any) -> None:
    """Order it in the background; the agent knows of it afterwards."""
    step = {"name": "s", "action": "shell.run", "args": {"script": text}, **more}
    body = {"task": {"ID": task_id, "RunID": RUN, "Step": step}}
    thread = threading.Thread(target=_ignoring_ends, args=(one, body), daemon=True)
    thread.start()
    until(lambda: one.ask("GET", "/status", task_id=task_id)[0] == 200, "the agent knows of it")


def _ignoring_ends(one: Agent, body: Any) -> None:
    try:
        one.ask("POST", "/run", body)
    except OSError:
        return  # the agent was killed meanwhile


def pids(place: Path) -> list[int]:
    path = place / "pids"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def test_a_task_outlives_kill_9_and_no_line_is_lost(one: Agent, tmp_path: Path) -> None:
    begin(one, "t", COUNTING.format(place=tmp_path))
    until((tmp_path / "started").exists, "the task started")
    one.kill()
    one.start()
    assert one.status("t")["result"]["status"] == "running"
    (tmp_path / "go").touch()
    result = one.outcome("t")
    assert (result["status"], result["output"]["stdout"]) == ("success", LINES)
    assert (tmp_path / "started").read_text() == "started\n"
    again = one.run("t", "echo another")
    assert again["result"]["output"]["stdout"] == LINES


def test_a_task_outlives_a_restart_and_the_port_is_free_at_once(one: Agent, tmp_path: Path) -> None:
    begin(one, "t", COUNTING.format(place=tmp_path))
    until((tmp_path / "started").exists, "the task started")
    assert one.stop() == 0
    one.start()
    (tmp_path / "go").touch()
    assert one.outcome("t")["output"]["stdout"] == LINES
    assert (tmp_path / "started").read_text() == "started\n"


def test_a_task_ends_while_no_agent_is_there(one: Agent, tmp_path: Path) -> None:
    begin(one, "t", COUNTING.format(place=tmp_path))
    until((tmp_path / "started").exists, "the task started")
    one.kill()
    (tmp_path / "go").touch()
    supervisor = one.supervisor()
    until(lambda: not alive(supervisor), "the supervisor has nothing more to do")
    one.start()
    result = one.outcome("t")
    assert (result["status"], result["output"]["stdout"]) == ("success", LINES)


@pytest.mark.parametrize("agent_too", [True, False])
def test_a_task_whose_supervisor_is_killed_is_lost(
    one: Agent, tmp_path: Path, agent_too: bool
) -> None:
    begin(one, "t", TREE.format(place=tmp_path))
    until(lambda: len(pids(tmp_path)) == 3, "all processes run")
    os.kill(one.supervisor(), signal.SIGKILL)
    if agent_too:
        one.kill()
        one.start()
    result = one.outcome("t")
    assert result["status"] == "failed"
    assert result["error"].startswith("supervisor-lost: ")
    assert result["output"]["ended_by"] == "lost"
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []
    assert one.run("next", "echo alive")["result"]["output"]["stdout"] == "alive\n"


def test_posts_that_race_with_one_id_start_one_task(one: Agent, tmp_path: Path) -> None:
    text = f"echo once >>{tmp_path}/effects; sleep 0.3; echo done"
    answers: list[Any] = []
    barrier = threading.Barrier(20)

    def post() -> None:
        barrier.wait()
        answers.append(one.run("same", text)["result"]["output"]["stdout"])

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["done\n"] * 20
    assert (tmp_path / "effects").read_text() == "once\n"


def test_cancel_leaves_nothing_of_a_tree(one: Agent, tmp_path: Path) -> None:
    begin(one, "t", TREE.format(place=tmp_path), grace="100ms")
    until(lambda: len(pids(tmp_path)) == 3, "all processes run")
    for _ in range(2):
        status, answer = one.ask("POST", "/cancel", {"task_id": "t"})
        assert (status, answer["result"]) == (200, {"task_id": "t", "status": "canceled"})
    result = one.outcome("t")
    assert (result["status"], result["output"]["ended_by"]) == ("canceled", "cancel")
    assert result["runyard"]["outcome"]["survivors"] == 0
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []


def test_a_timeout_leaves_nothing_of_a_tree(one: Agent, tmp_path: Path) -> None:
    begin(one, "t", TREE.format(place=tmp_path), timeout="1s", grace="100ms")
    result = one.outcome("t")
    assert (result["status"], result["output"]["ended_by"]) == ("failed", "timeout")
    assert result["runyard"]["status"] == "timeout"
    assert result["runyard"]["outcome"]["survivors"] == 0
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []


def test_a_cancel_is_not_forgotten_by_a_restart(one: Agent, tmp_path: Path) -> None:
    begin(one, "t", TREE.format(place=tmp_path), grace="2s")
    until(lambda: len(pids(tmp_path)) == 3, "all processes run")
    os.kill(one.supervisor(), signal.SIGSTOP)
    assert one.ask("POST", "/cancel", {"task_id": "t"})[0] == 200
    one.kill()
    os.kill(one.supervisor(), signal.SIGCONT)
    one.start()
    assert one.outcome("t")["status"] == "canceled"
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []


def test_a_task_that_was_taken_up_is_canceled_with_all_that_it_started(
    one: Agent, tmp_path: Path
) -> None:
    begin(one, "t", TREE.format(place=tmp_path), grace="200ms")
    until(lambda: len(pids(tmp_path)) == 3, "all processes run")
    one.kill()
    one.start()
    assert one.ask("POST", "/cancel", {"task_id": "t"})[0] == 200
    result = one.outcome("t")
    assert (result["status"], result["output"]["ended_by"]) == ("canceled", "cancel")
    assert result["runyard"]["outcome"]["survivors"] == 0
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []


@pytest.mark.parametrize("again", [False, True], ids=["its own", "taken up"])
def test_a_cancel_without_grace_ends_what_is_being_ended(
    one: Agent, tmp_path: Path, again: bool
) -> None:
    begin(one, "t", f"trap '' TERM; touch {tmp_path}/up; sleep 600 & wait; wait", grace="300s")
    until((tmp_path / "up").exists, "it runs")
    if again:
        one.kill()
        one.start()
    assert one.ask("POST", "/cancel", {"task_id": "t"})[0] == 200
    assert one.ask("POST", "/cancel", {"task_id": "t"})[0] == 200
    assert one.status("t", wait="200ms")["result"]["status"] == "running"
    assert one.ask("POST", "/cancel", {"task_id": "t", "grace": 0})[0] == 200
    result = one.outcome("t")
    assert (result["status"], result["output"]["ended_by"]) == ("canceled", "cancel")
    assert result["runyard"]["outcome"]["survivors"] == 0


def test_work_in_the_agent_is_done_again_if_it_may_be(one: Agent, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    body = {"action": "wait.until", "args": {"file": str(flag), "interval": "50ms"}}
    _order_and_leave(one, "waits", body)
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # it never answers
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        _order_and_leave(one, "asks", {"action": "http.request", "args": {"url": url}})
        one.kill()
    one.start()
    lost = one.outcome("asks")
    assert (lost["status"], lost["output"]["ended_by"]) == ("failed", "lost")
    assert lost["error"].startswith("interrupted: ")
    assert lost["runyard"]["status"] == "interrupted"
    assert one.status("waits")["result"]["status"] == "running"
    flag.touch()
    assert one.outcome("waits")["status"] == "success"


def test_work_in_the_agent_is_canceled(one: Agent) -> None:
    _order_and_leave(one, "sleeps", {"action": "wait.until", "args": {"duration": "300s"}})
    assert one.ask("POST", "/cancel", task_id="sleeps")[0] == 200
    result = one.outcome("sleeps")
    assert (result["status"], result["output"]["ended_by"]) == ("canceled", "cancel")


def _order_and_leave(one: Agent, task_id: str, step: dict[str, Any]) -> None:
    """Order it and wait until it is written down."""
    body = {"task": {"ID": task_id, "Step": {"name": "s", **step}}}
    threading.Thread(target=_ignoring_ends, args=(one, body), daemon=True).start()
    orders = one.state / "tasks"
    until(lambda: list(orders.glob(f"{task_id}-*/order.json")), f"{task_id} is written down")


def test_who_waits_is_answered_when_the_agent_leaves(one: Agent, tmp_path: Path) -> None:
    answers: list[Any] = []
    order = {"task": {"ID": "t", "Step": {"action": "cmd.run", "args": {"cmd": "sleep 300"}}}}
    waiting = [
        threading.Thread(target=lambda: answers.append(one.ask("POST", "/run", order))),
    ]
    for thread in waiting:
        thread.start()
    until(lambda: list((one.state / "tasks").glob("t-*/order.json")), "the order")
    until(lambda: "sleep 300" in _commands(one.supervisor()), "the task runs")
    assert one.stop() == 0
    for thread in waiting:
        thread.join()
    assert [(status, answer["result"]["status"]) for status, answer in answers] == [
        (200, "running")
    ]
    one.start()
    assert one.ask("POST", "/cancel", task_id="t")[0] == 200
    assert one.outcome("t")["status"] == "canceled"


def _commands(parent: int) -> str:
    """Command lines of the children of a process."""
    found = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        for pid in (task / "children").read_text().split():
            found.append(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "))
    return "\n".join(found)


@pytest.mark.parametrize(
    "name", ["../../../../tmp/evil", "/etc/passwd", "..", ".", "a/b\\c", "x" * 1000, "é\u202e€ 漢"]
)
def test_names_do_not_lead_out_of_the_state_directory(
    one: Agent, tmp_path: Path, name: str
) -> None:
    before = {path for path in tmp_path.rglob("*") if one.state not in [path, *path.parents]}
    task = {
        "ID": name,
        "RunID": name,
        "Step": {"name": name, "action": "cmd.run", "args": {"cmd": 'printf %s "$RUNYARD_STEP"'}},
        "Host": {"Name": name},
    }
    status, answer = one.ask("POST", "/run", {"task": task})
    assert status == 200
    assert answer["result"]["output"]["stdout"] == name
    assert (answer["result"]["task_id"], answer["run_id"]) == (name, name)
    assert one.status(name)["result"]["status"] == "success"
    after = {path for path in tmp_path.rglob("*") if one.state not in [path, *path.parents]}
    assert after == before
    inside = [path.relative_to(one.state) for path in one.state.rglob("*")]
    assert all(".." not in path.parts and len(path.name) < 256 for path in inside)


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "x" * 1025, "\ud800"])
def test_names_that_are_none_are_refused(one: Agent, name: str) -> None:
    task = {"ID": name, "Step": {"action": "cmd.run", "args": {"cmd": "true"}}}
    assert one.ask("POST", "/run", {"task": task})[0] == 400


def test_output_is_told_while_it_comes(one: Agent, tmp_path: Path) -> None:
    text = f"echo first; until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo second; echo oh >&2"
    begin(one, "t", text)
    until(lambda: list((one.state / "tasks").glob("t-*/order.json")), "the order")
    first = one.status("t", offset=0, wait=20)["result"]["output"]
    assert (first["stdout"], first["stdout_next"]) == ("first\n", 6)
    waited: list[Any] = []
    asking = {"stdout_offset": 6, "stderr_offset": 0, "wait": 20}
    thread = threading.Thread(target=lambda: waited.append(one.status("t", **asking)))
    thread.start()
    (tmp_path / "go").touch()
    thread.join()
    assert waited[0]["result"]["output"]["stdout"].startswith("second\n")
    one.outcome("t")
    rest = one.status("t", stdout_offset=6, stderr_offset=0)["result"]["output"]
    assert (rest["stdout"], rest["stderr"], rest["more"]) == ("second\n", "oh\n", False)


def test_a_dispatcher_that_polls_sees_every_line_once(one: Agent, tmp_path: Path) -> None:
    """As the original does: the whole text again and again, of which it prints what is new."""
    text = f"n=0; until [ -e {tmp_path}/go ]; do n=$((n+1)); echo line $n ä; sleep 0.01; done"
    begin(one, "t", f"{text}; echo end")
    printed = ""
    while True:
        result = one.status("t")["result"]
        told = result["output"]["stdout"]
        assert told.startswith(printed)
        printed = told
        if result["status"] != "running":
            break
        if printed.count("\n") > 50:
            (tmp_path / "go").touch()
    lines = printed.splitlines()
    assert lines == [f"line {n} ä" for n in range(1, len(lines))] + ["end"]


def test_a_second_agent_on_the_same_state_is_refused(one: Agent) -> None:
    second = Agent(one.state)
    with pytest.raises(AssertionError, match=f"STATE_IN_USE.*pid {one.pid}"):
        second.start()
    assert second.process is not None
    assert second._wait() == 1


def test_an_older_agent_process_is_fenced_and_ends(one: Agent, tmp_path: Path) -> None:
    """One that was stopped (SIGSTOP) while another took its place cannot start anything."""
    old = Agent(one.state)
    old.process, old.port = one.process, one.port
    os.kill(old.pid, signal.SIGSTOP)
    # Its lock is on a file that is not there any more, as after a change of file systems.
    (one.state / "agent.lock").unlink()
    one.port, one.process = 0, None
    one.start()
    assert one.run("a", "echo new")["result"]["output"]["stdout"] == "new\n"
    os.kill(old.pid, signal.SIGCONT)
    begun = {"task": {"ID": "b", "Step": {"action": "cmd.run", "args": {"cmd": "touch must-not"}}}}
    with contextlib.suppress(OSError):  # it has ended already
        status, answer = old.ask("POST", "/run", begun)
        assert status == 200
        assert answer["result"]["status"] in ("failed", "running")
    assert old._wait() == 4
    assert "error[FENCED]" in "".join(old.said)
    assert not (Path.home() / "must-not").exists()
