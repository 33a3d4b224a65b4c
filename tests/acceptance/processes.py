"""Looking at the processes of this machine."""

from __future__ import annotations

from pathlib import Path


def supervisors(run_id: str) -> list[str]:
    """Process ids of the supervisors of a run, as text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode().split("\0")
        except OSError:
            continue
        if run_id in words and any(word.endswith("supervisor") for word in words):
            found.append(path.parent.name)
    return found
