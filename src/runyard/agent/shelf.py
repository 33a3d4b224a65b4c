"""Tasks on disk: the order before anything starts, the result before anybody is told."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from runyard.agent.order import Order
from runyard.model.light import dataclass
from runyard.store.files import write_atomic

_ORDER, _CANCEL, _RESULT = "order.json", "cancel", "result.json"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A task that has no result: the agent died meanwhile. `canceled`: it was to be ended."""

    order: Order
    canceled: bool


class Shelf:
    """One directory for each task. Everything here blocks; failures are OSError.

    What orders hold, secrets among it, is removed with the result; until then only we can read it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def intend(self, order: Order) -> None:
        """Write down what is going to be done."""
        place = self._folder / order.folder
        place.mkdir(exist_ok=True, mode=0o700)
        try:
            write_atomic(place / _ORDER, json.dumps(order.to_dict()).encode())
            _sync(place)
            _sync(self._folder)
        except OSError:
            shutil.rmtree(place, ignore_errors=True)
            raise

    def note_cancel(self, name: str) -> None:
        """Write down that somebody wants it to end."""
        place = self._folder / name
        os.close(os.open(place / _CANCEL, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        _sync(place)

    def finish(self, name: str, result: Mapping[str, Any]) -> None:
        """Write down what came of it."""
        place = self._folder / name
        write_atomic(place / _RESULT, json.dumps(result, default=str).encode())
        _sync(place)
        for each in (_ORDER, _CANCEL):
            (place / each).unlink(missing_ok=True)

    def result(self, name: str) -> dict[str, Any] | None:
        """What came of it; None when it is not known, or cannot be read."""
        try:
            found = json.loads((self._folder / name / _RESULT).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def remove(self, name: str) -> None:
        """Forget a task."""
        shutil.rmtree(self._folder / name, ignore_errors=True)

    def load(self) -> Iterator[Unfinished | dict[str, Any]]:
        """All tasks: results in the order of their ends, then what has none."""
        found: list[tuple[float, str]] = []
        unfinished: list[Unfinished] = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                try:
                    found.append((os.stat(f"{entry.path}/{_RESULT}").st_mtime, entry.name))
                except OSError:
                    order = self._order(entry.name)
                    if order is None:
                        self.remove(entry.name)  # we died before it was anything
                    else:
                        unfinished.append(Unfinished(order, os.path.exists(f"{entry.path}/cancel")))
        for _, name in sorted(found):
            result = self.result(name)
            if result is not None:
                yield result
        yield from unfinished

    def _order(self, name: str) -> Order | None:
        with suppress(OSError, ValueError, TypeError):
            order = Order.from_dict(json.loads((self._folder / name / _ORDER).read_bytes()))
            return order if order.folder == name else None
        return None


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
