"""Beginning early with what takes long, while the rest of this program is still being loaded."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from runyard.model.errors import RunyardError

_ENOUGH = 1 << 18
_SSH = re.compile(rb"ssh://|ansible_host")
_AGENT = re.compile(rb"""address["']?\s*[:=]\s*["']?https?://""")


def warm(run_id: str, files: Iterable[str]) -> AbstractContextManager[None]:
    """In this context what a run of `files` needs first is on its way; a guess, and no more.

    Where they name hosts by SSH or with agents it is the library for that, else the supervisor of
    this machine.
    """
    for text in map(_beginning, files):
        load = _load_ssh if _SSH.search(text) else _load_http if _AGENT.search(text) else None
        if load is not None:
            from threading import Thread

            Thread(target=load, daemon=True).start()
            return nullcontext()
    return Warm(run_id)


class Warm:
    """A context manager in which the supervisor of a run is on its way.

    The run's own connector then joins it. Nothing depends on it: when it cannot be started, the
    connector says why; when no run comes, the supervisor ends with our connection to it.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._door: socket.socket | None = None
        self._child = 0

    def __enter__(self) -> None:
        from runyard.hosts import launch
        from runyard.store.home import Home
        from runyard.supervisor.frames import encode

        try:
            home = Home.default().prepare()
            path = launch.socket_path(home.root, self._run_id)
            environment = launch.base_environment()
            self._door, self._child = launch.join(path, self._run_id, environment)
            self._door.sendall(encode(_hello(self._run_id)))
        except (RunyardError, OSError):
            return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._door is not None:
            self._door.close()
        if self._child:
            os.waitpid(self._child, 0)


def _beginning(path: str) -> bytes:
    if not os.path.isfile(path):
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(_ENOUGH)
    except OSError:
        return b""


def _load_ssh() -> None:
    """For the better part it waits: for files, and for a compiler that is asked for libraries."""
    try:
        from runyard.hosts.ssh import handshake  # noqa: F401
    except ImportError:  # who needs it says so
        return


def _load_http() -> None:
    """It reads the certificates of the system, twice, without being asked for any."""
    try:
        import aiohttp  # noqa: F401
    except ImportError:  # who needs it says so
        return


def _hello(run_id: str) -> dict[str, object]:
    """The frame of a door of epoch 0, which fences nobody; the supervisor stops to await one."""
    return {"verb": "hello", "version": 1, "owner": run_id, "epoch": 0, "id": 1}
