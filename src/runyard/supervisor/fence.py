"""What is left of a run that was cleaned: the epoch of whoever had it last.

An owner who has slept meanwhile, and does not know that he was replaced, would find nothing of
what he has started, and start it again.
"""

from __future__ import annotations

import os

FENCES = "fences"


def epoch_of(root: str, run: str) -> int:
    """The epoch under which `run` was cleaned below `root`; 0 when it was not."""
    try:
        with open(os.path.join(root, FENCES, run), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def put_up(root: str, run: str, epoch: int) -> None:
    """Remember `epoch`. Raises OSError."""
    folder = os.path.join(root, FENCES)
    os.makedirs(folder, 0o700, exist_ok=True)
    path = os.path.join(folder, run)
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write("%d\n" % epoch)
    os.replace(path + ".new", path)
