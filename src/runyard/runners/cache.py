"""Results that may be reused: opt-in per step, bounded in time (contract 3, "Result cache")."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from runyard.model.result import Outcome
from runyard.model.status import Status

_FORMAT = 1


class ResultCache:
    """Successful outcomes by key, one small file each, in a private directory.

    The caller makes the key of everything the result depends on: host, action, arguments, the
    digests of its inputs. Safe for several processes: files are replaced as a whole. A cache
    never fails the work: what cannot be read is a miss, what cannot be written is not kept.
    """

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since the epoch."""
        self._directory = directory
        self._clock = clock

    def get(self, key: str) -> Outcome | None:
        """The outcome kept under `key`, while its time lasts, or None."""
        path = self._path(key)
        try:
            kept = json.loads(path.read_bytes())
            if kept["format"] != _FORMAT or kept["key"] != key:
                return None
            if kept["expires"] is not None and kept["expires"] <= self._clock():
                path.unlink(missing_ok=True)
                return None
            return _from_dict(kept["outcome"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, outcome: Outcome, ttl: float | None) -> bool:
        """Keep a success for `ttl` seconds (None: until removed); False when it was not kept."""
        if outcome.status is not Status.SUCCESS:
            return False
        expires = None if ttl is None else self._clock() + ttl
        kept = {"format": _FORMAT, "key": key, "expires": expires, "outcome": _to_dict(outcome)}
        path = self._path(key)
        partial = path.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}")
        try:
            text = json.dumps(kept)
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial.touch(mode=0o600)
            partial.write_text(text)
            partial.replace(path)
        except (OSError, TypeError, ValueError):
            with suppress(OSError):
                partial.unlink()
            return False
        return True

    def prune(self) -> int:
        """Remove what has expired or cannot be read; how many files that were."""
        removed = 0
        for path in self._directory.glob("*.json"):
            try:
                expires = json.loads(path.read_bytes())["expires"]
                if expires is None or expires > self._clock():
                    continue
            except (OSError, ValueError, KeyError, TypeError):
                pass
            path.unlink(missing_ok=True)
            removed += 1
        return removed

    def _path(self, key: str) -> Path:
        import hashlib

        return self._directory / f"{hashlib.sha256(key.encode()).hexdigest()}.json"


def _to_dict(outcome: Outcome) -> dict[str, Any]:
    return {f.name: _plain(getattr(outcome, f.name)) for f in fields(outcome)}


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _from_dict(kept: dict[str, Any]) -> Outcome:
    kept = dict(kept, status=Status(kept["status"]), warnings=tuple(kept["warnings"]))
    return Outcome(**kept)
