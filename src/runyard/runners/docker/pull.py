"""Getting an image, with word of how far it is."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from runyard.model.duration import format_duration
from runyard.model.errors import ArgumentError, NetworkError
from runyard.runners.docker.auth import credentials
from runyard.runners.docker.daemon import ask, request
from runyard.runners.docker.fault import pull_fault

if TYPE_CHECKING:
    from aiodocker import Docker

PAUSE = 2.0
"""Seconds between two lines about the same pull."""

_TAGGED = re.compile(r"[:@][^/]*$")


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
    headers = {"X-Registry-Auth": _coded(auth)} if auth is not None else {}
    params = {"fromImage": image, **({} if _TAGGED.search(image) else {"tag": "latest"})}
    try:
        async with request(docker, "POST", "images/create", params, headers) as answer:
            while line := await answer.content.readline():
                progress.take(json.loads(line))
                if time.monotonic() - told >= PAUSE and (words := progress.line()):
                    told = time.monotonic()
                    say(f"pulling {image}: {words}")
    except (DockerError, ClientError, OSError, ValueError) as error:
        raise pull_fault(error, image) from error
    if progress.error:
        raise pull_fault(DockerError(0, progress.error), image)
    if not progress.complete:
        raise NetworkError(f"cannot pull {image}: the daemon broke off", code="PULL")
    took = format_duration(time.monotonic() - began)
    say(f"pulled {image} in {took}{progress.result()}")


def _coded(auth: Mapping[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(dict(auth)).encode()).decode()


class Progress:
    """How far a pull is, from what the daemon tells of each layer."""

    def __init__(self) -> None:
        self._layers: dict[str, tuple[int, int]] = {}
        self._ready: set[str] = set()
        self._digest = ""
        self.complete = False
        self.error = ""

    def take(self, news: dict[str, Any]) -> None:
        """One message: `id`, `status`, `progressDetail: {current, total}`."""
        self.error = self.error or str(news.get("error") or "")
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
