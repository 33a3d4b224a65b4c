"""Getting an image, with word of how far it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runyard.model.duration import format_duration
from runyard.model.errors import ArgumentError, NetworkError
from runyard.runners.docker.auth import credentials
from runyard.runners.docker.daemon import ask
from runyard.runners.docker.fault import pull_fault

if TYPE_CHECKING:
    from aiodocker import Docker

PAUSE = 2.0
"""Seconds between two lines about the same pull."""

POLICIES = ("missing", "always", "never")


async def provide(docker: Docker, image: str, policy: str, say: Callable[[str], None]) -> None:
    """Have `image` where the daemon is, by policy.

    Raises:
        ArgumentError: `IMAGE`: it is not there, or the registry does not give it.
        NetworkError: the registry, or the daemon, cannot be reached now.
        SystemFault: the daemon has no room, or may not be asked.
    """
    if policy != "always":
        if await is_there(docker, image):
            return
        if policy == "never":
            raise ArgumentError(
                f"image {image} is not there, and pull is never",
                code="IMAGE",
                hint=f"pull: missing would get it; or `docker pull {image}` on that machine",
            )
    await pull(docker, image, say)


async def is_there(docker: Docker, image: str) -> bool:
    """True when the daemon has `image`."""
    from aiodocker.exceptions import DockerError

    async def look() -> bool:
        try:
            await docker.images.inspect(image)
        except DockerError as error:
            if error.status == 404:
                return False
            raise
        return True

    return await ask(look(), f"cannot look for the image {image}")


async def pull(docker: Docker, image: str, say: Callable[[str], None]) -> None:
    """Pull `image`; a line at the start, one every `PAUSE` seconds, and one at the end.

    Raises:
        ArgumentError, NetworkError, SystemFault: see `provide`.
    """
    from aiodocker.exceptions import DockerError
    from aiohttp import ClientError

    say(f"pulling {image}")
    began = told = time.monotonic()
    progress = Progress()
    auth = await credentials(image, os.environ)
    source = image if auth is None or "/" in image else f"docker.io/library/{image}"
    try:
        async for news in docker.images.pull(source, auth=auth, stream=True):
            progress.take(news)
            if time.monotonic() - told >= PAUSE and (line := progress.line()):
                told = time.monotonic()
                say(f"pulling {image}: {line}")
    except (DockerError, ClientError, OSError, ValueError) as error:
        raise pull_fault(error, image) from error
    if not progress.complete:
        raise NetworkError(f"cannot pull {image}: the daemon broke off", code="PULL")
    took = format_duration(time.monotonic() - began)
    say(f"pulled {image} in {took}{progress.result()}")


class Progress:
    """How far a pull is, from what the daemon tells of each layer."""

    def __init__(self) -> None:
        self._layers: dict[str, tuple[int, int]] = {}
        self._ready: set[str] = set()
        self._digest = ""
        self.complete = False

    def take(self, news: dict[str, Any]) -> None:
        """One message: `id`, `status`, `progressDetail: {current, total}`."""
        status, layer = str(news.get("status", "")), str(news.get("id", ""))
        if status.startswith("Digest: "):
            self._digest = status.removeprefix("Digest: ")
        self.complete = self.complete or status.startswith("Status: ")
        if not layer or status.startswith("Pulling from"):
            return
        done, size = self._layers.get(layer, (0, 0))
        detail = news.get("progressDetail") or {}
        if status == "Downloading":
            done, size = int(detail.get("current") or 0), int(detail.get("total") or size)
        elif status in ("Download complete", "Pull complete", "Already exists"):
            done = size
            if status != "Download complete":
                self._ready.add(layer)
        self._layers[layer] = (done, size)

    def line(self) -> str:
        """`3 of 5 layers, 12.4 of 40.1 MB`; "" when nothing is known."""
        if not self._layers:
            return ""
        done = sum(done for done, _ in self._layers.values())
        size = sum(size for _, size in self._layers.values())
        words = f"{len(self._ready)} of {len(self._layers)} layers"
        return f"{words}, {done / 1e6:.1f} of {size / 1e6:.1f} MB" if size else words

    def result(self) -> str:
        """`, 40.1 MB, sha256:…`, as far as it is known."""
        size = sum(size for _, size in self._layers.values())
        parts = [f"{size / 1e6:.1f} MB"] if size else []
        return "".join(f", {part}" for part in [*parts, *([self._digest] if self._digest else [])])
