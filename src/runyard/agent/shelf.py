"""Tasks on disk: the order before anything starts, the result before anybody is told."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runyard.agent.envelope import kept
from runyard.agent.order import Order, folder_of
from runyard.model.light import dataclass
from runyard.store.files import write_atomic

_ORDER, _CANCEL, _RESULT = "order.json", "cancel", "result.json"
_BEGAN = "began_at"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A task that has no result: the agent died meanwhile. `canceled`: it was to be ended.

    `began_at`: seconds since 1970.
    """

    order: Order
    canceled: bool
    began_at: float


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A task in the folder `name` that this version cannot read. It may run."""

    name: str
    why: str


class Shelf:
    """One directory for each task. Everything here blocks; failures are OSError.

    What orders hold, secrets among it, is removed with the result; until then only we can read it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: dict[str, int] = {}
        self._size = 0
        self._counting = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes of all orders and results. Does not block."""
        return self._size

    def intend(self, order: Order, began_at: float) -> None:
        """Write down what is going to be done."""
        place = self._folder / order.folder
        place.mkdir(exist_ok=True, mode=0o700)
        data = json.dumps({**order.to_dict(), _BEGAN: began_at}).encode()
        try:
            write_atomic(place / _ORDER, data)
            _sync(place)
            _sync(self._folder)
        except OSError:
            shutil.rmtree(place, ignore_errors=True)
            raise
        self._count(order.folder, len(data))

    def note_cancel(self, name: str) -> None:
        """Write down that somebody wants it to end."""
        place = self._folder / name
        os.close(os.open(place / _CANCEL, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        _sync(place)

    def finish(self, name: str, result: Mapping[str, Any]) -> None:
        """Write down what came of it."""
        place = self._folder / name
        data = json.dumps(result, default=str).encode()
        write_atomic(place / _RESULT, data)
        _sync(place)
        for each in (_ORDER, _CANCEL):
            (place / each).unlink(missing_ok=True)
        self._count(name, len(data))

    def result(self, name: str) -> dict[str, Any] | None:
        """What came of it; None when it is not known, or cannot be read."""
        try:
            found = kept(json.loads((self._folder / name / _RESULT).read_bytes()))
        except (OSError, ValueError, RecursionError):
            return None
        return found if found is not None and folder_of(found["task_id"]) == name else None

    def remove(self, name: str) -> None:
        """Forget a task."""
        shutil.rmtree(self._folder / name, ignore_errors=True)
        self._count(name, 0)

    def load(self) -> Iterator[Unfinished | Unreadable | dict[str, Any]]:
        """All tasks: results in the order of their ends, then what has none."""
        found: list[tuple[float, str]] = []
        rest: list[Unfinished | Unreadable] = []
        with os.scandir(self._folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        for name in names:
            try:
                told = os.stat(self._folder / name / _RESULT)
            except OSError:
                unfinished = self._unfinished(name)
                if unfinished is None:
                    self.remove(name)  # we died before it was anything
                else:
                    rest.append(unfinished)
            else:
                self._count(name, told.st_size)
                found.append((told.st_mtime, name))
        for _, name in sorted(found):
            yield self.result(name) or Unreadable(name, f"{_RESULT} is none of this version")
        yield from rest

    # -- inside -------------------------------------------------------------------------------

    def _unfinished(self, name: str) -> Unfinished | Unreadable | None:
        """What was begun; None when nothing was."""
        path = self._folder / name / _ORDER
        try:
            began, data = path.stat().st_mtime, path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            return Unreadable(name, f"{_ORDER}: {error.strerror}")
        self._count(name, len(data))
        try:
            found = json.loads(data)
            order = Order.from_dict(found)
        except (ValueError, TypeError, RecursionError) as error:
            return Unreadable(name, f"{_ORDER} is none of this version: {error}")
        if order.folder != name:
            return Unreadable(name, f"{_ORDER} is that of another task")
        noted = found.get(_BEGAN)
        began = float(noted) if isinstance(noted, int | float) else began
        return Unfinished(order, (path.parent / _CANCEL).exists(), began)

    def _count(self, name: str, size: int) -> None:
        with self._counting:
            self._size += size - self._sizes.pop(name, 0)
            if size:
                self._sizes[name] = size


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
