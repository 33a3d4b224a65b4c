"""Whom real agents let in, and what they refuse: tokens, certificates, sizes, addresses."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.integration.agent_process import PROGRAM, Agent, agent, alive, resident, until
from tests.integration.certificates import Authority, Signed

SECRET = "a-token-of-my-own-1234567890"


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Agent]:
    with agent(tmp_path / "state") as running:
        yield running


def refused(*options: str, **env: str) -> str:
    """What `runyard agent` says when it does not start."""
    done = subprocess.run(
        [PROGRAM, "agent", *options],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


# -- tokens


def test_a_token_of_ones_own_by_file_environment_and_option(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"# for the agents\n\n{SECRET}\n")
    file.chmod(0o600)
    for options, env in (
        (("--token-file", str(file)), {}),
        ((), {"RUNYARD_AGENT_TOKEN": SECRET}),
        ((), {"RUNYARD_AGENT_TOKEN_FILE": str(file)}),
        (("--token", SECRET), {}),
    ):
        made = Agent(tmp_path / "state", *options)
        made.start(**env)
        try:
            assert made.ask("POST", "/heartbeat")[0] == 401
            assert made.ask("POST", "/heartbeat", token=SECRET)[0] == 200
            page = made.ask("GET", "/metrics", token=SECRET)[1]
            words = Path(f"/proc/{made.pid}/cmdline").read_bytes()
            assert SECRET.encode() not in words
            order = {"task": {"Step": {"action": "cmd.run", "args": {"cmd": "env; ps -ef"}}}}
            answer = made.ask("POST", "/run", order, token=SECRET)[1]
            assert SECRET not in json.dumps(answer)
        finally:
            made.stop()
        said = "".join(made.said)
        assert SECRET not in said
        assert SECRET not in page
        assert ("--token shows" in said) == ("--token" in options)
    kept = [path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert all(SECRET.encode() not in data for data in kept)


def test_a_token_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(SECRET)
    file.chmod(0o644)
    with agent(tmp_path / "state", "--token-file", str(file)) as one:
        assert any("chmod 600" in line for line in one.said)


@pytest.mark.parametrize("addr", ["0.0.0.0:0", "[::]:0", f"{socket.gethostname()}:0"])
def test_the_default_token_is_for_loopback_alone(addr: str, tmp_path: Path) -> None:
    if socket.gethostname() in addr and socket.gethostbyname(socket.gethostname()) == "127.0.0.1":
        pytest.skip("this machine's name is a loopback address")
    state = str(tmp_path / "state")
    for env in ({}, {"RUNYARD_AGENT_TOKEN": "runner-token"}):
        said = refused("--addr", addr, "--state", state, **env)
        assert "error[TOKEN]" in said
        assert "can be reached from other machines" in said
    assert not Path(state).exists()


def test_a_bind_to_all_interfaces_with_a_token(tmp_path: Path) -> None:
    made = Agent(tmp_path / "state", addr="0.0.0.0:0")
    made.start(RUNYARD_AGENT_TOKEN=SECRET)
    try:
        assert made.ask("POST", "/heartbeat", token=SECRET)[0] == 200
    finally:
        made.stop()


# -- certificates


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def ask_secure(one: Agent, authority: Authority, client: Signed | None, token: str = "") -> int:
    """Status of a heartbeat over TLS."""
    context = ssl.create_default_context(cafile=str(authority.file))
    if client is not None:
        context.load_cert_chain(client.cert, client.key)
    connection = http.client.HTTPSConnection("127.0.0.1", one.port, context=context, timeout=30)
    try:
        headers = {"X-Runner-Token": token} if token else {}
        connection.request("POST", "/heartbeat", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_tls(tmp_path: Path, authority: Authority) -> None:
    server = authority.sign("server")
    tls = ("--tls-cert", str(server.cert), "--tls-key", str(server.key))
    with agent(tmp_path / "state", *tls) as one:
        assert "https://" in "".join(one.said)
        assert ask_secure(one, authority, None, "runner-token") == 200
        assert ask_secure(one, authority, None) == 401
        with pytest.raises((OSError, http.client.HTTPException)):
            one.ask("GET", "/health")


def test_a_key_with_a_passphrase_is_refused_at_once(tmp_path: Path, authority: Authority) -> None:
    server = authority.sign("server")
    key = serialization.load_pem_private_key(server.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:  # before the port is looked at
        addr = f"127.0.0.1:{taken.getsockname()[1]}"
        words = ("--addr", addr, "--tls-cert", str(server.cert), "--tls-key", str(locked))
        said = refused(*words, "--state", str(tmp_path / "state"))
    assert "error[TLS]" in said and "the key has a passphrase" in said
    assert "pass phrase" not in said
    assert not (tmp_path / "state").exists()


def test_client_certificates(tmp_path: Path, authority: Authority) -> None:
    server, client = authority.sign("server"), authority.sign("client")
    stranger = Authority(tmp_path / "other", "another authority").sign("stranger")
    tls = ("--tls-cert", str(server.cert), "--tls-key", str(server.key))
    mutual = (*tls, "--client-ca", str(authority.file))
    made = Agent(tmp_path / "state", *mutual, addr="0.0.0.0:0").start()
    try:
        assert "client certificates required" in "".join(made.said)
        assert ask_secure(made, authority, client) == 200
        for other in (None, stranger):
            with pytest.raises((OSError, http.client.HTTPException)):
                ask_secure(made, authority, other, "runner-token")
    finally:
        made.stop()
    made = Agent(tmp_path / "state", *mutual).start(RUNYARD_AGENT_TOKEN=SECRET)
    try:
        assert ask_secure(made, authority, client) == 401
        assert ask_secure(made, authority, client, SECRET) == 200
    finally:
        made.stop()


def test_certificates_that_are_none(tmp_path: Path, authority: Authority) -> None:
    server, other = authority.sign("server"), authority.sign("other")
    text = tmp_path / "text"
    text.write_text("no certificate")
    state = ("--state", str(tmp_path / "state"), "--addr", "127.0.0.1:0")
    for options in (
        ("--tls-cert", str(server.cert), "--tls-key", str(other.key)),
        ("--tls-cert", str(text), "--tls-key", str(server.key)),
        ("--tls-cert", str(server.cert)),
        ("--tls-cert", str(server.cert), "--tls-key", str(server.key), "--client-ca", str(text)),
    ):
        assert "error[TLS]" in refused(*state, *options)
    assert "--client-ca goes with --tls-cert" in refused("--client-ca", str(authority.file))
    assert "error[USAGE]" in refused("--tls-cert", "/no/such/file")


# -- sizes


def test_a_body_of_a_gigabyte_is_refused_at_once(one: Agent) -> None:
    before = resident(one.pid)
    head = (
        b"POST /run HTTP/1.1\r\nHost: x\r\nX-Runner-Token: runner-token\r\n"
        b"Content-Length: 1073741824\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", one.port), 30) as peer:
        peer.sendall(head + b"x" * 100_000)
        answer = peer.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert resident(one.pid) - before < 8 << 20


def test_a_body_without_a_length_is_refused_when_it_is_too_long(one: Agent) -> None:
    before = resident(one.pid)
    chunk = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
    answer = b""
    with socket.create_connection(("127.0.0.1", one.port), 30) as peer:
        peer.sendall(
            b"POST /run HTTP/1.1\r\nHost: x\r\nX-Runner-Token: runner-token\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        try:
            for _ in range(1024):
                peer.sendall(chunk)
        except OSError:
            pass  # it has heard enough
        try:
            answer = peer.recv(65536)
        except ConnectionResetError:
            answer = b"HTTP/1.1 413 "  # the rest of what we sent was thrown away with its answer
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert resident(one.pid) - before < 80 << 20
    assert one.ask("GET", "/health")[0] == 200


def test_what_is_sent_whole_before_reading_gets_its_answer(tmp_path: Path) -> None:
    with agent(tmp_path / "state", "--max-body", "1k") as one:
        status, answer = one.ask("POST", "/run", b"x" * (8 << 20))
        assert (status, answer["code"]) == (413, "TOO_LARGE")
        assert one.ask("POST", "/run", b"x" * 1025)[0] == 413
        assert one.ask("POST", "/run", b" " * 1024)[0] == 400
        assert one.ask("POST", "/cancel", b"x" * 1025)[0] == 413
        assert one.ask("POST", "/run", b"x" * (8 << 20), token="wrong")[0] == 401


def test_a_head_without_an_end_is_refused(one: Agent) -> None:
    before = resident(one.pid)
    with socket.create_connection(("127.0.0.1", one.port), 30) as peer:
        peer.sendall(b"GET /health HTTP/1.1\r\n")
        lines = b"".join(b"X-Header-%d: " % n + b"y" * 1000 + b"\r\n" for n in range(100_000))
        with pytest.raises(OSError, match=r"reset|pipe"):
            peer.sendall(lines)
    assert resident(one.pid) - before < 8 << 20
    assert one.ask("GET", "/health")[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"task": {"ID": 1e999}}',
        b'{"task": ' * 5000,
        b"\xff\xfe",
        b'{"task": {"ID": ' + b"9" * 10_000 + b"}}",
        b'{"task": {"ID": "x", "Step": {"action": "cmd.run", "args": {"cmd": NaN}}}}',
    ],
)
def test_bodies_that_are_no_request(one: Agent, body: bytes) -> None:
    status, answer = one.ask("POST", "/run", body)
    assert status == 400
    assert answer["error"]


# -- addresses and the process


def test_many_listeners_are_one_agent(tmp_path: Path) -> None:
    more = [word for _ in range(50) for word in ("--addr", "127.0.0.1:0")]
    with agent(tmp_path / "state", *more) as one:
        greeting = one.said[-1]
        assert "and 47 more" in greeting
        ports = [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", greeting)]
        one.run("t", "echo here")
        for port in ports:
            one.port = port
            assert one.status("t")["result"]["output"]["stdout"] == "here\n"


def test_a_port_that_is_taken(one: Agent, tmp_path: Path) -> None:
    said = refused("--addr", f":{one.port}", "--state", str(tmp_path / "second"))
    assert "error[PORT_IN_USE]" in said
    assert "hint:" in said


def test_addresses_that_are_none(tmp_path: Path) -> None:
    for address in ("7072", "*:7072", ":70720", ":x", "::1:7072", "no.such.host.invalid:7072"):
        said = refused("--addr", address, "--state", str(tmp_path / "s"), "--token", SECRET)
        assert "error[ADDRESS]" in said, address
        assert "0.0.0.0:7072" in said


def test_options_that_are_none(tmp_path: Path) -> None:
    for options in (("--max-body", "much"), ("--keep-for", "long"), ("--label", "x")):
        assert options[0] in refused(*options)
    assert "exclude each other" in refused("--token", "a", "--token-file", "b", "--addr", ":0")
    for line, code in (("", "TOKEN"), ("two words", "TOKEN")):
        file = tmp_path / "token"
        file.write_text(line)
        assert f"error[{code}]" in refused("--token-file", str(file), "--addr", ":0")


def test_each_port_has_a_state_directory_of_its_own(tmp_path: Path) -> None:
    made = Agent(tmp_path)
    words = [PROGRAM, "agent", "--addr", ":0"]
    made.process = subprocess.Popen(
        words,
        env={**os.environ, "RUNYARD_STATE": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert made.process.stderr is not None
    greeting = made.process.stderr.readline()
    found = re.search(r"127\.0\.0\.1:(\d+); state (\S+), pid (\d+)", greeting)
    assert found
    assert found[2] == str(tmp_path / f"agent-{found[1]}")
    assert int(found[3]) == made.pid
    made.state = Path(found[2])
    supervisor = made.supervisor()
    assert supervisor
    assert made.stop() == 0
    until(lambda: not made.supervisor(), "its supervisor has nothing to do")


def test_verbose_tells_of_requests_and_never_of_tokens(tmp_path: Path) -> None:
    made = Agent(tmp_path / "state", "--verbose").start(RUNYARD_AGENT_TOKEN=SECRET)
    made.ask("POST", "/heartbeat", token=SECRET)
    made.ask("GET", "/status", token="wrong-token-1", task_id="x")
    made.stop()
    said = "".join(made.said)
    assert "POST /heartbeat 200" in said
    assert "GET /status 401" in said
    assert SECRET not in said
    assert "wrong-token-1" not in said


@pytest.mark.parametrize("options", [(), ("--verbose",)], ids=["plain", "verbose"])
def test_strangers_do_not_fill_the_log(tmp_path: Path, options: tuple[str, ...]) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    full = upgrade + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    with agent(tmp_path / "state", *options) as one:
        for sent in (
            b"\x16\x03\x01 no HTTP\r\n\r\n",
            b"GET /door?run=\xff HTTP/1.1\r\nHost: x\r\n" + upgrade + b"\r\n",
            b"GET /door HTTP/1.1\r\nHost: x\r\n" + upgrade + b"\r\n",
            b"GET /door HTTP/1.1\r\nHost: x\r\n" + full + b"dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            b"GET /door HTTP/1.1\r\nHost: x\r\n" + full + b"dGhl\r\n\r\n",
            b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        ):
            for waits in (True, False):
                with socket.create_connection(("127.0.0.1", one.port), 10) as peer:
                    peer.sendall(sent)
                    if waits:
                        peer.recv(100)
        assert one.ask("GET", "/health")[0] == 200
    # Not what they send, and not what our libraries think of it.
    more = one.said[1:]
    assert ("Invalid HTTP request received." in "".join(more)) == bool(options)
    assert options or more == []


def test_quiet_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made = Agent(tmp_path / "state")
    made.port = port
    made.process = subprocess.Popen(
        [PROGRAM, "agent", "--quiet", "--addr", f":{port}", "--state", made.state],
        stderr=subprocess.PIPE,
        text=True,
    )

    def answers() -> bool:
        try:
            return made.ask("GET", "/health")[0] == 200
        except OSError:
            return False

    until(answers, "it listens")
    assert made.stop() == 0
    assert made.said == []


def test_a_service_is_installed_and_removed(tmp_path: Path) -> None:
    def runyard(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [PROGRAM, "agent", *words], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    root = ("--root", str(tmp_path / "root"))
    shown = runyard("install", "--print", "--addr", "0.0.0.0:7072", *root)
    assert "KillMode=process" in shown
    assert not (tmp_path / "root").exists()
    before = ("--addr", ":9999", "--max-tasks", "3", "--token", SECRET)
    shown = runyard(*before, "install", "--print", "--max-tasks", "4", *root)
    assert "--addr :9999" in shown and "--max-tasks 4" in shown
    told = runyard("install", "--addr", "0.0.0.0:7072", *root)
    assert told.count("wrote ") == 2
    assert runyard("install", "--addr", "0.0.0.0:7072", *root).count("unchanged: ") == 2
    assert "error[ADDRESS]" in runyard("install", "--addr", "7072", *root, code=2)
    secret = next((tmp_path / "root").rglob("*.env")).read_text().rpartition("=")[2].strip()
    assert secret not in told
    assert "--addr" in runyard("--addr", ":7072", "uninstall", *root, code=2)
    assert runyard("uninstall", *root).count("removed ") == 2
    assert [path for path in (tmp_path / "root").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("behind", [False, True])
def test_ctrl_c_is_for_who_stands_in_front(tmp_path: Path, behind: bool) -> None:
    """A shell has what it starts with `&` ignore it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if behind else None
    try:
        with agent(tmp_path / "agent") as one:
            os.kill(one.pid, signal.SIGINT)
            if behind:
                for _ in range(5):
                    assert one.ask("GET", "/health")[0] == 200
                    time.sleep(0.1)
            else:
                until(lambda: not alive(one.pid), "it has ended")
            assert one.stop() == 0
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
