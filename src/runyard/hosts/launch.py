"""Finds the supervisor of an owner on this machine, or starts it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from runyard.model.errors import SystemFault
from runyard.supervisor import launch
from runyard.supervisor.launch import program
from runyard.supervisor.refusal import Refusal

__all__ = ["base_environment", "join", "program", "reach", "socket_path"]


def base_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What of our environment the work may see: an allow-list, LC_*, and `more`."""
    return {**launch.base_environment(os.environ), **(more or {})}


def socket_path(home: Path, owner: str) -> Path:
    """Where the supervisor of `owner` with state directory `home` listens.

    Raises:
        SystemFault: `SOCKET_DIR`: its directory cannot be made, or is not ours alone.
    """
    with _faults("cannot make the directory of sockets"):
        return Path(launch.socket_path(str(home), owner))


def reach(path: Path) -> socket.socket | None:
    """A connection to who listens at `path`, or None when nobody does. Raises SystemFault."""
    with _faults(f"cannot connect to {path}"):
        return launch.reach(str(path))


def join(
    path: Path, owner: str, environment: Mapping[str, str], root: Path | None = None
) -> tuple[socket.socket, int]:
    """A connection to who listens at `path`; a supervisor is started when nobody does.

    Also the pid to wait for, or 0; it ends at once, as the supervisor detaches. Callers at the
    same time get the same supervisor. Raises SystemFault.
    """
    begin = launch.spawn(str(path), owner, str(root or ""), environment)
    with _faults("cannot start a supervisor"):
        return launch.join(str(path), begin)


@contextmanager
def _faults(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SystemFault(f"{what}: {error.filename or ''} {error.strerror}".strip()) from error
    except Refusal as refusal:
        hint = (
            f"remove it, for it must belong to user id {os.geteuid()}; "
            "with a short RUNYARD_STATE sockets are in the state directory alone"
            if refusal.code == "SOCKET_DIR"
            else None
        )
        raise SystemFault(refusal.message, code=refusal.code, hint=hint) from refusal
