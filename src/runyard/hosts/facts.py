"""The names of facts: what every host is asked for, and conditions may refer to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FACTS: Final[Mapping[str, str]] = {
    "os": "kernel, in small letters: `linux`, `darwin`",
    "arch": "of the machine: `x86_64`, `aarch64`",
    "hostname": "its own name for itself",
    "user": "who works there",
    "python": "version of the Python that our supervisor runs on; empty without one",
    "machine_id": "`/etc/machine-id`, else the host name",
    "distro": "`ID` of os-release: `debian`, `ubuntu`, `rocky`, …; `macos`",
    "distro_version": "`VERSION_ID` of os-release: `12`; empty where there is none",
    "cpus": "processors that are online",
    "memory": "bytes of the machine",
}
"""Name and meaning, in the order of `probe`; `has.TOOL`, the paths of programs, come on top."""

HAS: Final = "has."


def known_facts() -> list[str]:
    """Every name that a host may have an answer to."""
    from runyard.supervisor.facts import TOOLS

    return [*FACTS, *(HAS + tool for tool in TOOLS)]
