"""Where the daemon is, and a connection to it."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from runyard.model.errors import ArgumentError, NetworkError

if TYPE_CHECKING:
    from aiodocker import Docker
    from aiohttp import ClientResponse

T = TypeVar("T")

SOCKET = "/var/run/docker.sock"
ANSWER = 60.0
"""Seconds in which a daemon answers a question that takes it no time."""

_SCHEMES = ("unix://", "tcp://", "http://", "https://", "ssh://")


def address_here(environ: Mapping[str, str]) -> str:
    """The address of this machine's daemon, as the docker client finds it.

    `DOCKER_HOST`, else the context that is in use (`context:NAME`), else the first socket that
    is there. Raises ArgumentError for a DOCKER_HOST that is no address.
    """
    host = environ.get("DOCKER_HOST", "")
    if host:
        if not host.startswith(_SCHEMES):
            raise ArgumentError(
                f"DOCKER_HOST={host} is no address of a docker daemon",
                code="DOCKER_HOST",
                hint=f"such as unix://{SOCKET} or ssh://user@host",
            )
        return host
    home = Path(environ.get("HOME") or Path.home())
    context = environ.get("DOCKER_CONTEXT") or _chosen(home / ".docker" / "config.json")
    if context and context != "default":
        return f"context:{context}"
    runtime = environ.get("XDG_RUNTIME_DIR")
    places = [SOCKET, "/run/docker.sock", *([f"{runtime}/docker.sock"] if runtime else [])]
    places.append(f"{home}/.docker/run/docker.sock")
    return f"unix://{next(filter(_is_socket, places), SOCKET)}"


def connect(address: str) -> Docker:
    """A client of the daemon at `address`; nothing is sent yet. To be closed.

    Raises:
        ArgumentError: the address, its context or its certificates cannot be used.
    """
    from aiodocker import Docker
    from aiodocker.exceptions import DockerContextError

    try:
        if address.startswith("context:"):
            return Docker(context=address.removeprefix("context:"))
        return Docker(url=address)
    except (ValueError, OSError, DockerContextError, ImportError) as error:
        raise ArgumentError(
            f"the docker daemon at {address} cannot be asked: {error}", code="DOCKER_HOST"
        ) from error


async def ask(question: Awaitable[T], what: str, seconds: float = ANSWER) -> T:
    """The daemon's answer in time. Raises what `fault_of` makes of a refusal or of silence."""
    from aiodocker.exceptions import DockerError
    from aiohttp import ClientError

    from runyard.runners.docker.fault import fault_of

    try:
        async with asyncio.timeout(seconds):  # wait_for of 3.11 may lose a cancellation
            return await question
    except TimeoutError:
        raise NetworkError(
            f"{what}: the docker daemon did not answer for {seconds:g} s", code="DOCKER_DAEMON"
        ) from None
    except (DockerError, ClientError, OSError) as error:
        raise fault_of(error, what) from error


@asynccontextmanager
async def request(
    docker: Docker,
    method: str,
    path: str,
    params: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[ClientResponse]:
    """An answer that takes its time; let go of on every way out, which aiodocker does not do.

    Raises ClientError, OSError, DockerError.
    """
    from aiodocker.exceptions import DockerError
    from aiohttp import ClientTimeout

    if docker.api_version == "auto":
        await docker.version()
    url = f"{docker.docker_host}/{docker.api_version}/{path}"
    async with docker.session.request(
        method, url, params=params, headers=headers, timeout=ClientTimeout()
    ) as answer:
        if answer.status >= 400:
            text = await answer.text()
            try:
                text = str(json.loads(text)["message"])
            except (ValueError, KeyError, TypeError):
                pass
            raise DockerError(answer.status, text[:1000])
        yield answer


def _chosen(path: Path) -> str:
    """The context that the docker client was told to use."""
    try:
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return ""
    name = found.get("currentContext") if isinstance(found, dict) else None
    return name if isinstance(name, str) else ""


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False
