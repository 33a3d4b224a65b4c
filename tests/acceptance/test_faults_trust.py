"""What must not be believed: tokens, bodies, names, host keys, clocks."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.agents import Agent, Agents, far, some_agents
from tests.acceptance.dispatcher import Done, dispatcher, ended, kill, lines_of, until, write
from tests.conftest import Run
from tests.integration.agent_process import resident
from tests.integration.proxy import Proxy
from tests.integration.sshd import Sshd, new_key, server
from tests.integration.users import needed

ENDPOINTS = (
    ("POST", "/run"),
    ("GET", "/status?task_id=x"),
    ("POST", "/status"),
    ("POST", "/cancel?task_id=x"),
    ("POST", "/heartbeat"),
    ("GET", "/run-status?run_id=run-00000001"),
    ("GET", "/metrics"),
    ("GET", "/door?run=run-00000001&epoch=1"),
    ("GET", "/nowhere"),
)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with some_agents() as agents:
        yield agents("--token-file", _token(tmp_path_factory.mktemp("token"), SECRET))


SECRET = "correct-horse-battery-staple"


def _token(folder: Path, token: str) -> str:
    path = folder / "token"
    path.write_text(f"{token}\n")
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"X-Runner-Token": ""},
        {"X-Runner-Token": "runner-token"},
        {"X-Runner-Token": f"{SECRET}x"},
        {"X-Runner-Token": SECRET[:-1]},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {SECRET.upper()}"},
    ],
)
def test_wrong_tokens_and_none(shown: dict[str, str], agent: Agent) -> None:
    for method, path in ENDPOINTS:
        status, answer = agent.ask(method, path, {}, token=None, headers=shown)
        assert (status, answer["code"]) == (401, "TOKEN"), (path, answer)
        assert SECRET not in json.dumps(answer)


def test_the_token_is_nowhere_to_be_seen(agent: Agent, tmp_path: Path, program: Run) -> None:
    """Neither in `ps`, nor in what a run keeps and shows, also where the agent refuses it."""
    wrong = "incorrect-mule-battery-staple"
    file = write(tmp_path, {"a": Agents.host(agent)}, {"name": "s", "script": "true"})
    good = program("run", file, "--token-file", _token(tmp_path, SECRET), "-o", "jsonl")
    bad = program("run", file, RUNYARD_AGENT_TOKEN=wrong)
    assert (good.returncode, bad.returncode) == (0, 1), good.stdout + bad.stdout
    assert "token mismatch on a" in bad.stdout
    said = good.stdout + good.stderr + bad.stdout + bad.stderr + "".join(agent.said)
    for path in [*(tmp_path / "state").rglob("*"), *agent.state.rglob("*")]:
        said += path.read_bytes().decode(errors="replace") if path.is_file() else ""
    for pid in (path for path in Path("/proc").glob("[0-9]*/cmdline")):
        try:
            said += pid.read_text()
        except OSError:
            continue
    assert SECRET not in said
    assert wrong not in said


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"task"',
        b"\xff\xfe",
        b'{"task": "x"}',
        b'{"task": {"ID": 7}}',
        b'{"task": {"ID": "a", "Step": {"action": "cmd.run", "args": [1]}}}',
        b'{"task": {"ID": "a", "Step": {"action": "no.such", "args": {}}}}',
        b'{"task": {"ID": "a", "Step": {"action": "cmd.run", "args": {"cmd": NaN}}}}',
        b'{"task": {"ID": "a\\u0000b", "Step": {"action": "cmd.run", "args": {"cmd": "true"}}}}',
        b'{"task": {"ID": "a\\ud800", "Step": {"action": "cmd.run", "args": {"cmd": "true"}}}}',
        b"[" * 100_000,
        b'{"task":' * 50_000,
        b'{"task": {"ID": "' + b"x" * 5000 + b'", "Step": {"action": "cmd.run"}}}',
    ],
    ids=range(16),
)
def test_bad_json_is_400_and_says_why(body: bytes, agent: Agent) -> None:
    status, answer = agent.ask("POST", "/run", body, token=SECRET)
    assert status == 400, answer
    assert answer["error"]
    assert "Traceback" not in json.dumps(answer)
    assert agent.ask("GET", "/health", token=None)[0] == 200


@pytest.mark.parametrize("path", ["/run", "/status", "/cancel"])
@pytest.mark.parametrize("shown", [SECRET, "wrong"])
def test_a_body_of_a_gigabyte(shown: str, path: str, agent: Agent) -> None:
    """Streamed, so that nobody announces its length: refused, and never kept."""
    before = resident(agent.pid)
    sent = subprocess.Popen(["head", "-c", "1000000000", "/dev/zero"], stdout=subprocess.PIPE)
    done = subprocess.run(
        ["curl", "-sS", "-T", "-", "-X", "POST", "-H", f"X-Runner-Token: {shown}",
         "-w", "\n%{http_code} %{size_upload}", f"http://127.0.0.1:{agent.port}{path}"],
        stdin=sent.stdout, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    sent.kill()
    sent.communicate()
    status, size = done.stdout.split("\n")[-1].split()
    assert status == ("413" if shown == SECRET else "401"), done
    assert int(size) < 100_000_000
    assert resident(agent.pid) < before + 50e6


def test_an_announced_gigabyte_is_refused_before_it_comes(agent: Agent) -> None:
    with socket.create_connection(("127.0.0.1", agent.port), 30) as sock:
        sock.sendall(
            b"POST /run HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n"
            b"X-Runner-Token: " + SECRET.encode() + b"\r\n\r\n"
        )
        assert sock.recv(100).startswith(b"HTTP/1.1 413 ")


TRICKS = (
    "../../x",
    "/etc/x",
    "..",
    ".",
    "a/../../b",
    "..\\..\\x",
    "%2e%2e%2fx",
    "~root/x",
    "$(touch x)",
    "x; touch x",
    "-rf",
    "con\u202ecealed",
    "é" * 500,
)


@pytest.mark.parametrize("name", TRICKS)
@pytest.mark.parametrize("where", ["ID", "RunID", "step", "host"])
def test_names_that_are_paths(where: str, name: str, agent: Agent, tmp_path: Path) -> None:
    """A task is its own files wherever its names lead: below the agent's state, and artifacts."""
    before = _files(agent.state.parent, agent.state)
    artifacts = tmp_path / "artifacts"
    args = {"cmd": "echo done", "output_path": str(artifacts), "dir": str(tmp_path)}
    names = {"ID": f"t-{where}-{name}", "RunID": "", "step": "s", "host": "h", where: name}
    order = {
        "ID": names["ID"],
        "RunID": names["RunID"],
        "Step": {"name": names["step"], "action": "cmd.run", "args": args},
        "Host": {"Name": names["host"]},
    }
    status, answer = agent.ask("POST", "/run", {"task": order}, token=SECRET)
    assert status == 200, answer
    assert answer["result"]["status"] == "success", answer
    assert (answer["result"]["task_id"], answer["run_id"]) == (names["ID"], names["RunID"])
    status, again = agent.ask("POST", "/status", {"task_id": names["ID"]}, token=SECRET)
    assert (status, again["result"]["output"]["stdout"]) == (200, "done\n")
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) == 2 and {path.parent for path in kept} == {artifacts}
    assert _files(agent.state.parent, agent.state) == before


def _files(folder: Path, leave_out: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if not path.is_relative_to(leave_out)}


@pytest.mark.parametrize("name", [*TRICKS, "a\0b", "x" * 10_000, "x" * 100_000])
def test_questions_about_names_that_are_paths(name: str, agent: Agent) -> None:
    for method, path, key in (
        ("GET", "/status", "task_id"),
        ("POST", "/cancel", "task_id"),
        ("GET", "/run-status", "run_id"),
    ):
        asked: dict[str, Any] = {key: f"none-{name}"}
        status, answer = agent.ask(method, path, token=SECRET, **asked)
        assert status in (400, 404), (path, answer)
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    asked = {"run": name, "epoch": "1"}
    status, _ = agent.ask("GET", "/door", token=SECRET, headers=upgrade, **asked)
    assert status in (400, 414)


def test_names_of_a_workflow_that_are_paths(
    tmp_path: Path, place: Path, agents: Agents, sshd: Sshd, program: Run
) -> None:
    """Through the whole program, over both transports: spools, artifacts, copies stay in place."""
    hosts = {"a..": agents.host(agents()), "s...x": far(sshd), "here": {}}
    out = place / "artifacts"
    out.mkdir()
    out.chmod(0o777)
    steps = [
        {
            "name": name,
            "action": "cmd.run",
            "args": {"cmd": "echo here", "output_path": str(out)},
        }
        for name in ("../../x", "/etc/x", "a/../../b", "; touch x", "..")
    ]
    file = write(tmp_path, hosts, *steps)
    done = program("run", file, **sshd.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = [path for path in place.rglob("*") if path.is_file()]
    assert len([path for path in kept if path.parent == out]) == 2 * len(hosts) * len(steps)
    assert len(kept) == 2 * len(hosts) * len(steps) + 2  # and `starts` and `stay`
    assert {path.name for path in tmp_path.iterdir()} == {"w.yaml", "state"}
    assert not list(sshd.user.home.rglob("x*"))


@pytest.mark.parametrize(
    "run_id", ["../../../x", "/etc/xxxxxxxx", "a/b/c/d/e", "..", "x" * 129, "-rf-rf-rf", "short"]
)
def test_run_ids_that_are_paths(run_id: str, tmp_path: Path, program: Run) -> None:
    file = write(tmp_path, {"h": {}}, {"name": "s", "script": "true"})
    done = program("run", file, f"--run-id={run_id}")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"w.yaml", "state"}


@pytest.mark.parametrize("name", ["../../x", "..", "a/b", "a\nb", "x" * 254, "[a]"])
def test_hosts_that_are_paths_are_errors_with_their_place(
    name: str, tmp_path: Path, program: Run
) -> None:
    done = program("run", write(tmp_path, {name: {}}, {"name": "s", "script": "true"}))
    assert done.returncode == 2
    assert "w.yaml:1:" in done.stderr, done.stderr


def test_a_host_key_that_has_changed(tmp_path: Path, place: Path, sshd: Sshd, program: Run) -> None:
    """Nothing is sent to whoever answers there, not even with --accept-new; others go on."""
    step = {"name": "s", "script": 'echo "$RUNYARD_HOST" >> "$PLACE/starts"'}
    with server(user=sshd.user) as own:
        file = write(tmp_path, {"s": far(own), "here": {}}, step, vars={"PLACE": str(place)})
        assert program("run", file, **own.environment).returncode == 0
        logins = own.logins()
        own.stop()
        new_key(own.host_key)
        own.start()
        for more in ((), ("--accept-new",)):
            done = program("run", file, *more, **own.environment)
            assert done.returncode == 1
            assert f"{own.user.name}@127.0.0.1:{own.port} has changed" in done.stdout
            assert f"ssh-keygen -f {own.known_hosts} -R '[127.0.0.1]:{own.port}'" in done.stdout
        assert own.logins() == logins
    assert lines_of(place / "starts") == Counter({"s": 1, "here": 3})


def test_somebody_else_answers_after_a_cut(tmp_path: Path, place: Path, sshd: Sshd) -> None:
    """In the middle of a step another server stands at the address: the run ends, and says why."""

    async def scenario() -> None:
        script = 'echo x >> "$PLACE/starts"; while [ -e "$PLACE/stay" ]; do sleep 0.05; done'
        with server(user=sshd.user) as other:
            async with AsyncExitStack() as stack:
                proxy = await stack.enter_async_context(Proxy(sshd.port))
                hosts = {"s": far(sshd, proxy.port)}
                step = {"name": "s", "script": script}
                file = write(tmp_path, hosts, step, vars={"PLACE": str(place)})
                run = await stack.enter_async_context(dispatcher(tmp_path, sshd.environment))
                process = await run.start("run", file)
                await until(lambda: lines_of(place / "starts"), "at work", process)
                proxy.target = other.port
                proxy.cut()
                done = await ended(process)
                assert done.code == 1, done
                assert "the host key of" in done.out and "has changed" in done.out
                assert other.logins() == 0
                # It is the right one again: what still runs there is taken up.
                proxy.target = sshd.port
                (place / "stay").unlink()
                assert (await run("resume", "last")).code == 0
                assert lines_of(place / "starts") == Counter({"x": 1})

    asyncio.run(scenario())


CLOCK_WORK = """
echo "$RUNYARD_HOST $CLOCK" >> ${PLACE}/starts
echo up
while [ -e "${PLACE}/stay" ] && ! [ -e "${PLACE}/go${CLOCK}" ]; do sleep 0.05; done
"""


def test_clocks_an_hour_off(tmp_path: Path, place: Path, agents: Agents, sshd: Sshd) -> None:
    """Dispatchers ahead and behind, an agent ahead: nothing is late, early, or done twice."""
    needed("faketime")
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    # The monotonic clock is not the user's to set.
    shift = {"LD_PRELOAD": str(library), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    right, ahead = agents(), agents(**shift, FAKETIME="+1h")
    hosts = {"right": agents.host(right), "ahead": agents.host(ahead), "ssh": far(sshd)}
    steps = (
        {"name": "work", "script": CLOCK_WORK},
        {"name": "late", "script": "sleep 3600", "timeout": "1s", "continue_on_error": True},
        {"name": "wait", "action": "wait.until", "args": {"duration": "500ms"}},
        {"name": "last", "script": 'echo "last $RUNYARD_HOST $CLOCK" >> ${PLACE}/starts'},
    )

    async def one(clock: str, env: dict[str, str]) -> tuple[Done, dict[str, Any]]:
        folder = tmp_path / f"clock{clock}"
        folder.mkdir()
        file = write(
            folder, hosts, *steps,
            vars={"PLACE": str(place), "CLOCK": clock},
            offline={"policy": "wait", "deadline": "1m", "lease": "20s"},
        )  # fmt: skip
        async with dispatcher(folder, {**sshd.environment, **env}) as run:
            process = await run.start("run", file)
            mine = {f"{host} {clock}" for host in hosts}
            await until(lambda: mine <= set(lines_of(place / "starts")), "at work", process)
            await kill(process)
            process = await run.start("resume", "last")
            await asyncio.sleep(0.5)
            (place / f"go{clock}").touch()
            return await ended(process), await run.record()

    async def scenario() -> None:
        began = time.time()
        found = await asyncio.gather(
            one("+0", {}),
            one("+1h", {**shift, "FAKETIME": "+1h"}),
            one("-1h", {**shift, "FAKETIME": "-1h"}),
        )
        took = time.time() - began
        for (done, record), shifted in zip(found, (0, 3600, -3600), strict=True):
            assert done.code == 0, done
            assert abs(record["started_at"] - shifted - began) < took + 5
            for step in record["steps"]:
                for host, result in step["hosts"].items():
                    status = "timeout" if step["name"] == "late" else "success"
                    assert result["status"] == status, (step["name"], host, result)
                    # A duration is of one clock, whose ever.
                    assert -1 <= result["finished_at"] - result["started_at"] <= took + 1

    asyncio.run(scenario())
    assert set(lines_of(place / "starts").values()) == {1}
    assert len(lines_of(place / "starts")) == 2 * 3 * len(hosts)
