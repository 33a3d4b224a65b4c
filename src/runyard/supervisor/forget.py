"""Removes what runs have left here whose owners never came back."""

from __future__ import annotations

import os
import time

from . import launch
from .fence import FENCES
from .refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

FORGOTTEN = 14 * 86400.0
"""Seconds after which the files of a run that nobody asked for may go."""


def forget_old(root: str, owner: str) -> None:
    """Remove the files of runs below `root` that nobody has asked for in weeks.

    Not those of `owner`, who asks just now, nor of those who have a supervisor: work may be
    silent for long.
    """
    for folder in ("runs", FENCES):
        try:
            names = os.listdir(os.path.join(root, folder))
        except OSError:
            continue
        for name in names:
            place = os.path.join(root, folder, name)
            try:
                if name != owner and _is_old(place) and not _has_supervisor(root, name):
                    _remove(place)
            except (OSError, Refusal):
                continue


def remove_tree(place: str) -> None:
    """Remove a directory and all that is in it; what cannot go stays. Follows no link.

    `shutil` would do, and costs each supervisor a megabyte.
    """
    if os.path.islink(place):
        return
    for folder, _, _ in os.walk(place, topdown=False):
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    _unlink(entry.path)
            os.rmdir(folder)
        except OSError:
            continue


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:  # a directory that could not be emptied, or what we may not remove
        pass


def _is_old(place: str) -> bool:
    return time.time() - max(os.lstat(each).st_mtime for each in _inside(place)) > FORGOTTEN


def _inside(place: str) -> Iterator[str]:
    yield place
    output = os.path.join(place, "output")
    if os.path.isdir(output):
        yield output
        with os.scandir(output) as entries:
            for entry in entries:
                yield entry.path


def _has_supervisor(root: str, owner: str) -> bool:
    door = launch.reach(launch.socket_path(root, owner))
    if door is None:
        return False
    door.close()
    return True


def _remove(place: str) -> None:
    if os.path.isdir(place):
        remove_tree(place)
    else:
        os.unlink(place)
