"""The door of real agent processes: frames of one run, fenced, bounded, at the reader's pace."""

from __future__ import annotations

import http.client
import json
import os
import pwd
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from runyard.supervisor.frames import Decoder, encode
from tests.integration.agent_process import PATIENCE, TOKEN, Agent, agent, alive, resident, until
from tests.integration.users import needed_root, new_user

# A lost attempt is swept by its name: no two tests at once may have the same.
RUN, OTHER = f"door-{os.getpid()}-a", f"door-{os.getpid()}-b"

PIECE = 1 << 18


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Agent]:
    with agent(tmp_path / "state") as running:
        yield running


class Door:
    """A dispatcher's end of a door; what comes is kept in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._decoder = Decoder()
        self._came: list[tuple[dict[str, Any], bytes]] = []
        self._serial = 0

    def send(self, payload: bytes = b"", **header: Any) -> int:
        self._serial += 1
        frame = encode({"id": self._serial, **header}, payload)
        for at in range(0, len(frame), PIECE):
            self.socket.send(frame[at : at + PIECE])
        return self._serial

    def next(self) -> tuple[dict[str, Any], bytes]:
        """The next frame."""
        while not self._came:
            data = self.socket.recv(timeout=PATIENCE)
            assert isinstance(data, bytes)
            self._came += self._decoder.feed(data)
        return self._came.pop(0)

    def call(self, payload: bytes = b"", **header: Any) -> dict[str, Any]:
        """Send, and wait for the reply; output that comes before it is dropped."""
        number = self.send(payload, **header)
        while True:
            reply, data = self.next()
            if reply.get("id") == number:
                return {**reply, "exit": json.loads(data)} if "exit" in reply else reply

    def shell(self, text: str, name: str = "s", **more: Any) -> dict[str, Any]:
        return {
            "verb": "start",
            "attempt": f"{RUN}/{name}/here/1",
            "argv": ["sh", "-c", text],
            "wait": True,
            **more,
        }


@contextmanager
def door(
    one: Agent, run: str = RUN, epoch: int = 1, *, hello: bool = True, **query: Any
) -> Iterator[Door]:
    asked = "".join(f"&{name}={value}" for name, value in query.items())
    with connect(
        f"ws://127.0.0.1:{one.port}/door?run={run}&epoch={epoch}{asked}",
        additional_headers={"X-Runner-Token": TOKEN},
        compression=None,
        max_size=None,
        open_timeout=PATIENCE,
    ) as socket:
        opened = Door(socket)
        if hello:
            reply = opened.call(verb="hello", version=1, owner=run, epoch=epoch)
            assert reply["ok"]["pid"] == one.supervisor() or "become" in query
        yield opened


def code(reply: dict[str, Any]) -> str:
    return str(reply["error"]["code"])


def test_work_and_its_output_come_through_a_door(one: Agent) -> None:
    with door(one) as d:
        number = d.send(**d.shell("echo out; echo err >&2"), output={"stdout": 0, "stderr": 0})
        came: dict[int, bytes] = {1: b"", 2: b""}
        while True:
            header, payload = d.next()
            if header.get("id") == number:
                break
            came[header["stream"]] += payload
        assert came == {1: b"out\n", 2: b"err\n"}
        assert json.loads(payload)["exit_code"] == 0
    metrics = one.ask("GET", "/metrics")[1]
    assert 'runyard_agent_tasks_total{way="door",status="success"} 1' in metrics
    state = one.ask("GET", "/run-status", run_id=RUN)[1]
    assert (state["status"], [step["name"] for step in state["steps"]]) == ("success", ["s"])


def test_a_frame_may_span_messages_and_messages_hold_frames(one: Agent) -> None:
    with door(one, hello=False) as d:
        hello = {"id": 1, "verb": "hello", "version": 1, "owner": RUN, "epoch": 1}
        stream = encode(hello) + encode({"id": 2, **d.shell("cat"), "stdin": True}, b"x" * 100)
        for at in range(0, len(stream), 7):
            d.socket.send(stream[at : at + 7])
        assert "ok" in d.next()[0]
        assert json.loads(d.next()[1])["stdout"] == "x" * 100


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (f"run={RUN}", 400),
        ("epoch=1", 400),
        (f"run={RUN}&epoch=one", 400),
        ("run=../../etc&epoch=1", 400),
        (f"run={RUN}&epoch=1&become=-u", 400),
        (f"run={RUN}&epoch=1&become=no-such-user-here", 403),
    ],
)
def test_a_door_that_cannot_be_opened(one: Agent, query: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect(
            f"ws://127.0.0.1:{one.port}/door?{query}",
            additional_headers={"X-Runner-Token": TOKEN},
            open_timeout=PATIENCE,
        )
    assert caught.value.response.status_code == status
    assert json.loads(caught.value.response.body)["error"]


def test_a_door_wants_the_token(one: Agent) -> None:
    for headers in ({}, {"X-Runner-Token": "another"}):
        with pytest.raises(InvalidStatus) as caught:
            connect(f"ws://127.0.0.1:{one.port}/door?run={RUN}&epoch=1", additional_headers=headers)
        assert caught.value.response.status_code == 401


def test_an_older_owner_is_fenced(one: Agent) -> None:
    with door(one, epoch=1) as old:
        with door(one, epoch=1) as same:
            assert "ok" in same.call(verb="list")
            assert "ok" in old.call(verb="list")
        with door(one, epoch=2) as new:
            assert "ok" in new.call(verb="list")
            assert code(old.next()[0]) == "FENCED"
            with pytest.raises(ConnectionClosed) as closed:
                old.next()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4409
        with door(one, run=OTHER, epoch=1) as other:
            assert "ok" in other.call(verb="list")
    one.kill()
    one.start()
    with pytest.raises(InvalidStatus) as caught, door(one, epoch=1):
        pass
    assert caught.value.response.status_code == 409
    assert json.loads(caught.value.response.body)["code"] == "FENCED"


def test_hello_is_the_owner_of_the_address(one: Agent) -> None:
    for header in (
        {"verb": "list"},
        {"verb": "hello", "version": 1, "owner": OTHER, "epoch": 1},
        {"verb": "hello", "version": 1, "owner": RUN, "epoch": 9},
        {"verb": "hello", "version": 1, "owner": "agent", "epoch": 1},
    ):
        with door(one, hello=False) as d:
            assert code(d.call(**header)) in ("HELLO", "OWNER")
            with pytest.raises(ConnectionClosed):
                d.next()
    with door(one, hello=False) as d:
        assert code(d.call(verb="hello", version=7, owner=RUN, epoch=1)) == "VERSION"
        with pytest.raises(ConnectionClosed):
            d.next()


def test_only_attempts_of_the_run_pass(one: Agent, tmp_path: Path) -> None:
    with door(one, run=OTHER) as other, door(one) as d:
        foreign = f"{OTHER}/s/here/1"
        assert "ok" in other.call(verb="start", attempt=foreign, argv=["sleep", "300"])
        for header in (
            {"verb": "attach", "attempt": foreign},
            {"verb": "cancel", "attempt": foreign},
            {"verb": "signal", "attempt": foreign, "signal": 9},
            {"verb": "list", "attempt": foreign},
            {"verb": "forget", "attempt": foreign},
            {"verb": "start", "attempt": foreign, "argv": ["true"]},
            {"verb": "start", "attempt": RUN, "argv": ["true"]},
            {"verb": "start", "attempt": f"{RUN}/../../{OTHER}", "argv": 1, "spool": "/tmp/x"},
            {"verb": "start", "argv": ["true"]},
            {"verb": "attach"},
            {"verb": "clean", "run": OTHER},
            {"verb": "recover", "run": OTHER},
            {"verb": "clean"},
            {**d.shell("true"), "spool": str(tmp_path / "spool")},
            {**d.shell("true"), "exits": str(tmp_path / "exits")},
        ):
            assert code(d.call(**header)) == "DENIED", header
        assert code(d.call(verb="no-such-verb")) == "VERB"
        assert d.call(verb="list")["ok"] == {"live": {}, "ended": []}
        assert list(other.call(verb="list")["ok"]["live"]) == [foreign]
        assert d.call(**d.shell("echo fine"))["exit"]["stdout"] == "fine\n"
        assert other.call(verb="cancel", attempt=foreign)["ok"] == {}


def test_bytes_that_are_no_frame_close_one_door(one: Agent) -> None:
    with door(one) as good, door(one, hello=False) as bad:
        bad.socket.send(b"\xff" * 64)
        assert code(bad.next()[0]) == "BAD_FRAME"
        with pytest.raises(ConnectionClosed) as closed:
            bad.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4400
        assert good.call(**good.shell("echo here"))["exit"]["stdout"] == "here\n"


def test_an_attempt_is_attached_after_kill_9_of_the_agent(one: Agent, tmp_path: Path) -> None:
    wait = f"until [ -e {tmp_path}/go ]; do sleep 0.02; done"
    text = f"echo once >>{tmp_path}/effects; echo a; {wait}; echo b"
    with door(one) as d:
        d.send(**d.shell(text))
        until((tmp_path / "effects").exists, "the attempt runs")
        one.kill()
    one.start()
    state = one.ask("GET", "/run-status", run_id=RUN)[1]
    assert state["status"] == "running"
    with door(one, epoch=2) as d:
        assert d.call(verb="recover", run=RUN)["ok"] == {"lost": 0}
        number = d.send(**d.shell(text), output={"stdout": 0, "stderr": 0})
        (tmp_path / "go").touch()
        out = b""
        while True:
            header, payload = d.next()
            if header.get("id") == number:
                break
            out += payload
        assert out == b"a\nb\n"
        assert (tmp_path / "effects").read_text() == "once\n"
        assert d.call(verb="clean", run=RUN)["ok"] == {}
    assert one.ask("GET", "/run-status", run_id=RUN)[0] == 404


def test_a_killed_supervisor_closes_doors_and_its_attempts_are_lost(
    one: Agent, tmp_path: Path
) -> None:
    with door(one) as d:
        d.send(**d.shell(f"setsid sh -c 'echo $$ >{tmp_path}/pid; sleep 300' & sleep 300"))
        until((tmp_path / "pid").exists, "the attempt runs")
        pid = int((tmp_path / "pid").read_text())
        os.kill(one.supervisor(), signal.SIGKILL)
        with pytest.raises(ConnectionClosed) as closed:
            d.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1011
    with door(one, epoch=2) as d:
        end = d.call(**d.shell("echo never"))["exit"]
        assert end["ended_by"] == "lost"
    assert not alive(pid)


def test_a_closed_door_lets_leases_begin(one: Agent) -> None:
    with door(one) as d:
        d.send(**d.shell("sleep 300", lease=0.3))
        until(lambda: one.ask("GET", "/run-status", run_id=RUN)[0] == 200, "it has begun")

    def status() -> str:
        return str(one.ask("GET", "/run-status", run_id=RUN)[1]["status"])

    until(lambda: status() == "canceled", "the lease is over")


def test_starts_beyond_the_limit_are_busy(tmp_path: Path) -> None:
    with agent(tmp_path / "state", "--max-tasks", "2") as one, door(one) as d:
        first = d.send(**d.shell("sleep 300", "one"))
        with door(one) as brief:
            brief.send(**brief.shell("sleep 300", "two"))
            until(lambda: len(d.call(verb="list")["ok"]["live"]) == 2, "both run")
        busy = d.call(**d.shell("true", "three"))["error"]
        assert busy["code"] == "BUSY"
        assert busy["message"] == "the agent runs 2 tasks already, its --max-tasks"
        assert "try again" in busy["hint"]
        order = {"task": {"ID": "t", "Step": {"action": "cmd.run", "args": {"cmd": "true"}}}}
        status, answer = one.ask("POST", "/run", order)
        assert (status, answer["code"]) == (429, "BUSY")
        assert one.ask("GET", "/status", task_id="t")[0] == 404
        assert one.ask("POST", "/heartbeat")[1]["runyard"]["running"] == 2
        # Who is at work already always gets in, and so does one that has ended.
        second = d.send(**d.shell("sleep 300", "two"))
        d.call(verb="cancel", attempt=f"{RUN}/two/here/1", grace=0)
        ended = [d.next()]
        assert ended[0][0]["id"] == second
        assert d.call(**d.shell("true", "three"))["exit"]["exit_code"] == 0
        d.send(**d.shell("sleep 300", "four"))
        assert d.call(**d.shell("", "three"))["exit"]["exit_code"] == 0
        d.call(verb="cancel", attempt=f"{RUN}/one/here/1", grace=0)
        assert d.next()[0]["id"] == first


def test_output_is_bounded_by_the_agent(tmp_path: Path) -> None:
    with agent(tmp_path / "state", "--max-output", "64k") as one, door(one) as d:
        end = d.call(**d.shell("yes"))["exit"]
        assert (end["ended_by"], end["stdout_bytes"]) == ("limit:output", 65536)
        more = d.call(**d.shell("yes", "more", limits={"output": 1 << 40}))["exit"]
        assert (more["ended_by"], more["stdout_bytes"]) == ("limit:output", 65536)
        less = d.call(**d.shell("yes", "less", limits={"output": 100}))["exit"]
        assert (less["ended_by"], less["stdout_bytes"]) == ("limit:output", 100)
        result = one.run("t", "yes")["result"]
        assert result["output"]["ended_by"] == "limit:output"


def test_a_full_spool_starts_nothing(tmp_path: Path) -> None:
    with agent(tmp_path / "state", "--max-spool", "100k") as one, door(one) as d:
        assert d.call(**d.shell("head -c 200000 /dev/zero"))["exit"]["exit_code"] == 0

        def full() -> bool:
            return float(_metric(one, "runyard_agent_spool_bytes")) > 100_000

        until(full, "the disk was looked at")
        full = d.call(**d.shell("true", "more"))["error"]
        assert full["code"] == "SPOOL_FULL"
        assert "its --max-spool is 102400" in full["message"] and "--keep-for" in full["hint"]
        order = {"task": {"ID": "t", "Step": {"action": "cmd.run", "args": {"cmd": "true"}}}}
        status, answer = one.ask("POST", "/run", order)
        assert (status, answer["code"]) == (507, "SPOOL_FULL")
        assert d.call(**d.shell(""))["exit"]["exit_code"] == 0  # known already


def _metric(one: Agent, name: str) -> str:
    page = one.ask("GET", "/metrics")[1]
    return str(next(line.split()[-1] for line in page.splitlines() if line.startswith(name)))


def test_a_slow_reader_holds_up_nobody_and_no_memory(one: Agent) -> None:
    size = 64 << 20
    with door(one) as slow, door(one) as quick:
        number = slow.send(
            **slow.shell(f"head -c {size} /dev/zero"), output={"stdout": 0, "stderr": 0}
        )
        attempt = f"{RUN}/s/here/1"
        until(lambda: quick.call(verb="list", attempt=attempt)["ok"]["ended"], "it has ended")
        assert quick.call(**quick.shell("echo q", "q"))["exit"]["stdout"] == "q\n"
        assert resident(one.pid) < 100 << 20
        came = 0
        while True:
            header, payload = slow.next()
            if header.get("id") == number:
                break
            assert header["offset"] == came
            came += len(payload)
        assert came == size
        assert resident(one.pid) < 100 << 20


def test_a_slow_reader_of_status_holds_up_nobody(one: Agent) -> None:
    one.run("big", "head -c 900000 /dev/zero | tr '\\0' x")
    idle = []
    for _ in range(20):
        connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=PATIENCE)
        path = "/status?task_id=big&offset=0"
        connection.request("GET", path, headers={"X-Runner-Token": TOKEN})
        idle.append(connection)
    assert one.run("next", "echo quick")["result"]["output"]["stdout"] == "quick\n"
    for connection in idle:
        answer = json.loads(connection.getresponse().read())
        assert len(answer["result"]["output"]["stdout"]) == 900000
        connection.close()


def test_the_agent_leaving_closes_doors_and_attempts_go_on(one: Agent, tmp_path: Path) -> None:
    with door(one) as d:
        d.send(**d.shell(f"until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo done"))
        until(lambda: d.call(verb="list")["ok"]["live"], "it runs")
        assert one.stop() == 0
        with pytest.raises(ConnectionClosed) as closed:
            d.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
    one.start()
    (tmp_path / "go").touch()
    with door(one) as d:
        assert d.call(**d.shell(""))["exit"]["stdout"] == "done\n"


def test_become_leads_to_a_supervisor_of_that_user(one: Agent) -> None:
    needed_root()
    with new_user("door") as user:
        with door(one, become=user.name) as d:
            end = d.call(**d.shell('id -un; echo "$HOME"; pwd'))["exit"]
            assert end["stdout"] == f"{user.name}\n{user.home}\n{user.home}\n"
            number = d.send(**d.shell("trap '' TERM; sleep 300", "deaf"), output={})
            d.call(verb="cancel", attempt=f"{RUN}/deaf/here/1", grace=0.1)
            header, record = d.next()
            assert header["id"] == number
            assert json.loads(record)["survivors"] == 0
            assert d.call(verb="clean", run=RUN)["ok"] == {}
            assert one.ask("POST", "/heartbeat")[1]["runyard"]["running"] == 0
        until(lambda: not user.processes(), "nothing of that user is left")


@pytest.mark.parametrize("become", [False, True])
def test_a_supervisor_that_does_not_take_bytes_holds_up_who_sends_them(
    one: Agent, become: bool
) -> None:
    """Payloads wait at the dispatcher, not in the agent's memory."""
    size = 32 << 20
    with ExitStack() as stack:
        query = {}
        if become:
            needed_root()
            query = {"become": stack.enter_context(new_user("slow")).name}
        d = stack.enter_context(door(one, **query))
        supervisor = d.call(verb="hello", version=1, owner=RUN, epoch=1)["ok"]["pid"]
        before = resident(one.pid)
        os.kill(supervisor, signal.SIGSTOP)
        sender = threading.Thread(
            target=lambda: d.send(b"x" * size, **d.shell("wc -c"), stdin=True)
        )
        sender.start()
        until(lambda: _metric(one, 'runyard_agent_door_bytes_total{direction="in"}') != "0", "a")
        time.sleep(0.5)
        assert sender.is_alive()
        assert resident(one.pid) - before < 8 << 20
        os.kill(supervisor, signal.SIGCONT)
        sender.join()
        assert json.loads(d.next()[1])["stdout"] == f"{size}\n"
        assert "ok" in d.call(verb="clean", run=RUN)


def test_become_of_a_user_who_cannot_work(one: Agent) -> None:
    needed_root()
    with new_user("homeless", home="/nonexistent-home") as user:
        Path(f"/tmp/runyard-{user.uid}").mkdir(0o777)  # not hers alone
        with pytest.raises(InvalidStatus) as caught, door(one, become=user.name):
            pass
    assert caught.value.response.status_code == 403
    assert json.loads(caught.value.response.body)["code"] == "BECOME"


def test_become_of_the_same_user_is_the_agent_itself(one: Agent) -> None:
    ourselves = pwd.getpwuid(os.geteuid()).pw_name
    with door(one, become=ourselves) as d:
        reply = d.call(verb="hello", version=1, owner=RUN, epoch=1)
        assert reply["ok"]["pid"] == one.supervisor()


def test_two_hundred_megabytes_arrive_whole(one: Agent) -> None:
    size = 200_000_000
    with door(one) as d:
        number = d.send(
            **d.shell(f"yes runyard | head -c {size}"), output={"stdout": 0, "stderr": 0}
        )
        came = 0
        while True:
            header, payload = d.next()
            if header.get("id") == number:
                break
            assert header["offset"] == came
            came += len(payload)
        end = json.loads(payload)
        assert came == end["stdout_bytes"] == size
