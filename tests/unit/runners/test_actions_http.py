"""http.request against a real server."""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.model.errors import ArgumentError, DeadlineError, NetworkError
from runyard.model.status import Status
from runyard.runners.actions.http import HttpRequest
from runyard.runners.web import BODY_LIMIT, safe_url
from tests.unit.runners.fake import do
from tests.unit.runners.server import Server, closed_port, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def test_a_get(server: Server) -> None:
    outcome = do(HttpRequest(), {"url": f"{server.url}/a?key=1"})
    assert (outcome.status, outcome.stdout) == (Status.SUCCESS, "hello")
    assert outcome.message == f"GET {server.url}/a → 200 OK"
    assert outcome.data["status"] == 200 and outcome.data["bytes"] == 5
    assert outcome.data["headers"]["Set-Cookie"] == "***"
    assert not outcome.changed and not outcome.logged
    assert server.seen[0][:2] == ("GET", "/a?key=1")


def test_a_post_with_body_and_headers(server: Server) -> None:
    outcome = do(
        HttpRequest(),
        {
            "url": server.url,
            "method": "post",
            "headers": {"X-One": 1, "Authorization": "Bearer abc"},
            "body": '{"ü": 1}',
        },
    )
    method, _, headers, body = server.seen[0]
    assert (method, headers["X-One"], body) == ("POST", "1", '{"ü": 1}'.encode())
    assert outcome.changed
    assert "abc" not in repr(outcome)


def test_json(server: Server) -> None:
    do(HttpRequest(), {"url": server.url, "method": "PUT", "json": {"a": [1, None]}})
    assert server.seen[0][3] == b'{"a": [1, null]}'
    assert server.seen[0][2]["Content-Type"] == "application/json"


@pytest.mark.parametrize(("status", "retryable"), [(404, False), (503, True), (429, True)])
def test_an_unexpected_status_fails(server: Server, status: int, retryable: bool) -> None:
    outcome = do(HttpRequest(), {"url": f"{server.url}/{status}"})
    assert outcome.status is Status.FAILED
    assert outcome.stdout == "hello"
    assert outcome.error is not None
    assert (outcome.error["code"], outcome.error["retryable"]) == ("HTTP_STATUS", retryable)


def test_expected_status(server: Server) -> None:
    args = {"url": f"{server.url}/404", "expected_status": [404, 410]}
    assert do(HttpRequest(), args).status is Status.SUCCESS
    args = {"url": f"{server.url}/200", "expected_status": [404]}
    assert do(HttpRequest(), args).status is Status.FAILED


def test_redirects_are_followed(server: Server) -> None:
    assert do(HttpRequest(), {"url": f"{server.url}/302"}).data["status"] == 200
    assert [path for _, path, _, _ in server.seen] == ["/302", "/landed"]


def test_bodies_are_text_in_their_charset_and_bounded(server: Server) -> None:
    assert do(HttpRequest(), {"url": f"{server.url}/latin"}).stdout == "é"
    assert do(HttpRequest(), {"url": f"{server.url}/bytes"}).stdout == "a\ufffd\x00b"
    big = do(HttpRequest(), {"url": f"{server.url}/big"})
    assert len(big.stdout) == BODY_LIMIT
    assert "first 10485760 bytes" in big.warnings[0]


def test_a_port_that_refuses() -> None:
    with pytest.raises(NetworkError, match="refused") as caught:
        do(HttpRequest(), {"url": f"http://127.0.0.1:{closed_port()}/"})
    assert caught.value.retryable


def test_a_name_that_does_not_resolve() -> None:
    with pytest.raises(NetworkError, match="no-such-host"):
        do(HttpRequest(), {"url": "http://no-such-host.invalid/"})


def test_a_server_that_hangs_up(server: Server) -> None:
    with pytest.raises(NetworkError):
        do(HttpRequest(), {"url": f"{server.url}/hang-up", "method": "POST"})


@pytest.mark.parametrize("whose", ["own", "step"])
def test_a_server_that_does_not_answer(server: Server, whose: str) -> None:
    args = {"url": f"{server.url}/slow", "timeout": "100ms" if whose == "own" else "1h"}
    with pytest.raises(DeadlineError, match=r"no answer within 0\.1s"):
        do(HttpRequest(), args, timeout=0.1 if whose == "step" else None)


@pytest.mark.parametrize(
    "args",
    [
        {"url": "ftp://127.0.0.1/"},
        {"url": "http://"},
        {"url": "http://127.0.0.1:99999/"},
        {"url": "http://[::1/"},
        {"url": "http://127.0.0.1/", "method": "GET / HTTP/1.1"},
        {"url": "http://127.0.0.1/", "headers": {"X": "a\r\nY: b"}},
        {"url": "http://127.0.0.1/", "body": "a", "json": 1},
        {"url": "https://127.0.0.1/", "verify": "/no/such/file.pem"},
    ],
)
def test_requests_that_cannot_be_sent(args: dict[str, object]) -> None:
    with pytest.raises(ArgumentError):
        do(HttpRequest(), args)


def test_certificates_are_checked_by_default(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with serving() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = f"https://127.0.0.1:{server.server_port}/"
        with pytest.raises(NetworkError) as caught:
            do(HttpRequest(), {"url": url})
        assert (caught.value.code, caught.value.retryable) == ("TLS", False)
        assert "self-signed certificate" in caught.value.message
        assert do(HttpRequest(), {"url": url, "verify": False}).stdout == "hello"
        assert do(HttpRequest(), {"url": url, "verify": "no"}).stdout == "hello"
        assert do(HttpRequest(), {"url": url, "verify": str(cert)}).stdout == "hello"


def test_a_server_without_tls_is_told_in_words() -> None:
    with serving() as server, pytest.raises(NetworkError, match="TLS: ") as caught:
        do(HttpRequest(), {"url": f"https://127.0.0.1:{server.server_port}/"})
    assert "permitted" not in caught.value.message


def test_messages_hold_no_credentials() -> None:
    assert safe_url("https://user:pw@host:1/path?token=x#f") == "https://host:1/path"
    with pytest.raises(NetworkError) as caught:
        do(HttpRequest(), {"url": f"http://user:hunter2@127.0.0.1:{closed_port()}/?t=hunter3"})
    assert "hunter" not in caught.value.message


def test_no_socket_is_left_open(server: Server) -> None:
    for _ in range(3):
        do(HttpRequest(), {"url": server.url})
    assert gc.collect() >= 0  # an unclosed session or socket warns here, and warnings are errors
