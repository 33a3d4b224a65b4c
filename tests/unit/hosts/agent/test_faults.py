"""Servers that are not what an address takes them for, and certificates that nobody knows."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from runyard.hosts.agent.pool import Pool
from runyard.hosts.agent.web import AgentWeb
from runyard.hosts.site import Access, AgentAccess
from runyard.model.errors import NetworkError, RunyardError, SystemFault
from tests.integration.certificates import Authority

HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


def error_of(
    address: str,
    says: bytes = b"",
    tls: ssl.SSLContext | None = None,
    access: AgentAccess = AgentAccess(),
) -> RunyardError:
    """That of asking a server which says `says` to whatever it hears."""
    serving: list[asyncio.Task[None]] = []

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.ensure_future(serve(reader, writer)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        writer.write(says)
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        async with Pool(Access(agents={"far": access})) as pool:
            try:
                await AgentWeb("far", address.format(port=port), pool).ask("GET", "/", known=False)
            finally:
                server.close()
                await asyncio.gather(*serving, return_exceptions=True)

    with pytest.raises(RunyardError) as error:
        asyncio.run(run())
    assert "\n" not in error.value.message and "Operation not permitted" not in error.value.message
    return error.value


@pytest.mark.parametrize("says", [HTTP, b"SSH-2.0-OpenSSH_9.2p1\r\n"])
def test_https_to_somebody_without_tls(says: bytes) -> None:
    error = error_of("https://127.0.0.1:{port}", says)
    assert (type(error), error.code, error.retryable) == (NetworkError, "TLS", False)
    assert "does not speak TLS" in error.message
    assert "write http://" in error.hint


@pytest.mark.parametrize(
    ("says", "why", "hint"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "no agent: an SSH server answers", "write ssh://127.0.0.1:"),
        (b"\x15\x03\x03\x00\x02\x02\x50", "no agent: it speaks TLS", "write https://127.0.0.1:"),
        (b"220 mail ESMTP\r\n", "no agent: it does not speak HTTP", "http://HOST:7072"),
    ],
)
def test_http_to_somebody_else(says: bytes, why: str, hint: str) -> None:
    error = error_of("http://127.0.0.1:{port}", says)
    assert (type(error), error.code, error.retryable) == (SystemFault, "NO_AGENT", False)
    assert why in error.message and hint in error.hint


def test_http_to_somebody_who_hangs_up() -> None:
    error = error_of("http://127.0.0.1:{port}")
    assert (type(error), error.code, error.retryable) == (NetworkError, "NETWORK", True)
    assert "does it speak TLS? https://127.0.0.1:" in error.hint


def test_certificates_that_are_not_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    signed = authority.sign("server")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(signed.cert, signed.key)
    unknown = error_of("https://127.0.0.1:{port}", HTTP, tls)
    assert (unknown.code, unknown.retryable) == ("TLS", False)
    assert "signed by an unknown authority" in unknown.message and "agent_ca" in unknown.hint
    known = AgentAccess(ca=str(authority.file))
    assert error_of("https://127.0.0.1:{port}", HTTP, tls, known).code == "NO_AGENT"


@pytest.mark.parametrize("name", ["web1..example.com", f"{'a' * 70}.example.com"])
def test_what_can_be_no_name_of_a_host(name: str) -> None:
    error = error_of(f"http://{name}:7072")
    assert (type(error), error.code, error.retryable) == (NetworkError, "UNKNOWN_HOST", False)
