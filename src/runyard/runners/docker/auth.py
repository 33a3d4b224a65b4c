"""What the user has told a registry by `docker login`, for the pulls of the daemon."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HUB = "https://index.docker.io/v1/"
PATIENCE = 10.0
"""Seconds that a program which keeps credentials may take."""

_HELPER = re.compile(r"[A-Za-z0-9_.-]+")


async def credentials(image: str, environ: Mapping[str, str]) -> dict[str, str] | None:
    """`serveraddress` and `username`, `password` or `identitytoken`; None when there are none.

    Read as the docker client does: `config.json` in `DOCKER_CONFIG` or `~/.docker`, and the
    programs that it names. What cannot be read is as if there were none: the registry will tell.
    """
    folder = environ.get("DOCKER_CONFIG")
    path = Path(folder) if folder else Path(environ.get("HOME") or Path.home()) / ".docker"
    try:
        config: Any = json.loads((path / "config.json").read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(config, dict):
        return None
    server = registry_of(image)
    keys = [HUB, "index.docker.io", "docker.io"] if server == HUB else [server, f"https://{server}"]
    helpers = config.get("credHelpers") or {}
    for key in keys:
        helper = helpers.get(key) or config.get("credsStore")
        found = await _ask(helper, key) if helper else None
        found = found or _kept((config.get("auths") or {}).get(key))
        if found:
            return {**found, "serveraddress": server}
    return None


def registry_of(image: str) -> str:
    """The registry that `image` comes from: the first word if it looks like one, else the hub."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return HUB if first in ("docker.io", "index.docker.io") else first
    return HUB


def _kept(entry: Any) -> dict[str, str] | None:
    if not isinstance(entry, dict):
        return None
    if isinstance(token := entry.get("identitytoken"), str) and token:
        return {"identitytoken": token}
    try:
        name, colon, password = base64.b64decode(entry.get("auth") or "").decode().partition(":")
    except (ValueError, binascii.Error, TypeError):
        return None
    return {"username": name, "password": password.rstrip("\0")} if colon else None


async def _ask(helper: Any, server: str) -> dict[str, str] | None:
    """What the program `docker-credential-HELPER` keeps for `server`."""
    if not isinstance(helper, str) or not _HELPER.fullmatch(helper):
        return None
    try:
        program = await asyncio.create_subprocess_exec(
            f"docker-credential-{helper}",
            "get",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(os.environ),
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(PATIENCE):
            said, _ = await program.communicate(server.encode())
        found: Any = json.loads(said)
    except (TimeoutError, ValueError):
        return None
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    if not isinstance(found, dict) or not found.get("Secret"):
        return None
    name, secret = str(found.get("Username", "")), str(found["Secret"])
    return (
        {"identitytoken": secret} if name == "<token>" else {"username": name, "password": secret}
    )
