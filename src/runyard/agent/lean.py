"""Keeps out of memory what an agent never uses."""

from __future__ import annotations

import sys
from types import ModuleType

_UNUSED = "uvicorn.supervisors"


class _Absent(ModuleType):
    """Takes the place of a module; every name in it is None."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


def spare() -> None:
    """Call it before uvicorn is imported, in a process that is an agent and nothing else.

    `import uvicorn` brings its command line along, and that brings what restarts and multiplies
    servers, with all of multiprocessing: a megabyte on every host. An agent is one process.
    """
    sys.modules.setdefault(_UNUSED, _Absent(_UNUSED))
