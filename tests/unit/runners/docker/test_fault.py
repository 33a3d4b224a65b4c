"""What the daemon's refusals mean."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest
from aiodocker.exceptions import DockerError

from runyard.model.errors import ArgumentError, NetworkError, RunyardError, SystemFault
from runyard.runners.docker.daemon import address_here, ask, connect
from runyard.runners.docker.fault import fault_of, pull_fault


@pytest.mark.parametrize(
    ("status", "text", "code", "retryable"),
    [
        (500, "invalid volume specification: '/a:b'", "VOLUME", False),
        (500, "write /var: no space left on device", "DISK_FULL", True),
        (500, "unable to find user x: no matching entries in passwd file", "CONTAINER_USER", False),
        (404, "network nonet not found", "CONTAINER_NETWORK", False),
        (409, "container abc is not running", "CONTAINER_CONFLICT", False),
        (400, "Minimum memory limit allowed is 6MB", "CONTAINER", False),
        (404, "No such container: x", "CONTAINER", False),
        (500, "something odd", "DOCKER", True),
        (
            400,
            "failed to create shim task: OCI runtime create failed: runc create failed: unable to"
            ' start container process: exec: "/x": stat /x: no such file or directory: unknown',
            "NOT_STARTED",
            False,
        ),
    ],
)
def test_refusals(status: int, text: str, code: str, retryable: bool) -> None:
    fault = fault_of(DockerError(status, text), "cannot start it")
    assert (fault.code, fault.retryable) == (code, retryable)
    assert fault.message.startswith("cannot start it: ")
    assert "OCI runtime" not in fault.message


@pytest.mark.parametrize(
    ("text", "code", "retryable"),
    [
        ("manifest for x:1 not found: manifest unknown", "IMAGE", False),
        ("pull access denied for x, repository does not exist", "IMAGE", False),
        ("unauthorized: authentication required", "IMAGE", False),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", "IMAGE", False),
        ("toomanyrequests: You have reached your pull rate limit", "PULL", True),
        ("dial tcp: lookup registry on 127.0.0.1:53: no such host", "PULL", True),
        ("net/http: TLS handshake timeout", "PULL", True),
        ("no space left on device", "DISK_FULL", True),
    ],
)
def test_pulls(text: str, code: str, retryable: bool) -> None:
    fault = pull_fault(DockerError(0, text), "x:1")
    assert (fault.code, fault.retryable) == (code, retryable)


def met(number: int) -> DockerError:
    """As aiodocker raises it for a socket that cannot be connected to."""
    from aiohttp.client_exceptions import UnixClientConnectorError
    from aiohttp.client_reqrep import ConnectionKey

    key = ConnectionKey("localhost", None, False, True, None, None, None)
    error = DockerError(900, "Cannot connect to Docker Engine via unix:///d.sock")
    error.__context__ = UnixClientConnectorError("/d.sock", key, OSError(number, "no"))
    return error


def test_a_socket_that_we_may_not_open_is_told_from_one_that_is_not_there() -> None:
    denied = fault_of(met(errno.EACCES), "cannot look")
    assert isinstance(denied, SystemFault) and not denied.retryable
    assert denied.code == "DOCKER_PERMISSION" and "group docker" in denied.hint
    absent = fault_of(met(errno.ENOENT), "cannot look")
    assert isinstance(absent, NetworkError) and absent.retryable
    assert absent.code == "DOCKER_DAEMON" and "DOCKER_HOST" in absent.hint
    said = "cannot look: no docker daemon answers at unix:///d.sock (No such file or directory)"
    assert absent.message == said


def test_silence_is_an_error_in_time() -> None:
    async def run() -> None:
        with pytest.raises(NetworkError, match=r"did not answer for 0\.01 s"):
            await ask(asyncio.sleep(10), "cannot look", 0.01)

    asyncio.run(run())


def test_a_cancellation_that_comes_with_the_answer_counts() -> None:
    async def run() -> None:
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def asking() -> None:
            await ask(answer, "cannot look")
            await asyncio.sleep(60)

        task = asyncio.ensure_future(asking())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        answer.set_result(1)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=10)
        assert done and task.cancelled()

    asyncio.run(run())


def test_where_the_daemon_is(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert address_here({**home, "DOCKER_HOST": "tcp://10.0.0.1:2375"}) == "tcp://10.0.0.1:2375"
    assert address_here({**home, "DOCKER_CONTEXT": "far"}) == "context:far"
    assert address_here({**home, "DOCKER_CONTEXT": "default"}).startswith("unix:///")
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "near"}')
    assert address_here(home) == "context:near"
    (tmp_path / ".docker" / "config.json").write_text("not JSON")
    assert address_here(home).startswith("unix:///")
    both = {**home, "DOCKER_HOST": "unix:///x", "DOCKER_CONTEXT": "far"}
    assert address_here(both) == "unix:///x"
    with pytest.raises(ArgumentError, match="no address"):
        address_here({"DOCKER_HOST": "nonsense"})


def test_a_context_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    async def run() -> None:
        with pytest.raises(RunyardError) as caught:
            connect("context:no-such")
        assert caught.value.code == "DOCKER_HOST"

    asyncio.run(run())
