"""Whose a container is: its name and labels tell the run, the attempt, and the state home."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from runyard.model.light import dataclass
from runyard.store.faults import store_error

HOME = "runyard.home"
RUN = "runyard.run"
STEP = "runyard.step"
HOST = "runyard.host"
ATTEMPT = "runyard.attempt"
DEADLINE = "runyard.deadline"
"""Seconds since 1970, by the clock of who started it; missing when there is no timeout."""

_FILE = "docker.id"
_ID = re.compile(r"[0-9a-f]{32}")
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Mark:
    """The marks of one attempt's container. `home` is empty when nobody will resume its work."""

    attempt: str
    home: str = ""
    deadline: float | None = None

    @property
    def run(self) -> str:
        return self.attempt.partition("/")[0]

    @property
    def name(self) -> str:
        """The same attempt of the same state home always has the same name."""
        _, step, host, n = split(self.attempt)
        words = re.sub(r"[^a-zA-Z0-9_.]+", "-", f"{step}-{host}")[:_LONGEST].strip("-._")
        digest = hashlib.sha256(f"{self.home}\0{self.attempt}".encode()).hexdigest()[:16]
        return "-".join(part for part in ("runyard", words, n, digest) if part)

    def labels(self) -> dict[str, str]:
        """The labels of the container."""
        run, step, host, _ = split(self.attempt)
        labels = {HOME: self.home, RUN: run, STEP: step, HOST: host, ATTEMPT: self.attempt}
        if self.deadline is not None:
            labels[DEADLINE] = f"{self.deadline:.3f}"
        return labels

    def is_on(self, labels: Mapping[str, str] | None) -> bool:
        """True for the labels of this attempt's container."""
        found = labels or {}
        return found.get(ATTEMPT) == self.attempt and found.get(HOME) == self.home


def split(attempt: str) -> tuple[str, str, str, str]:
    """Run, step, host and number of an attempt's id."""
    run, _, rest = attempt.partition("/")
    step_and_host, _, n = rest.rpartition("/")
    step, _, host = step_and_host.rpartition("/")
    return run, step, host, n


def home_of(output: Path) -> Path:
    """The state home whose `runs/RUN/output` is `output`."""
    return output.parents[2]


def known_id(home: Path) -> str:
    """What containers of the state home `home` are marked with; "" when it never had any."""
    try:
        text = (home / _FILE).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if _ID.fullmatch(text) else ""


def home_id(home: Path) -> str:
    """The same, made once: random, so that no two homes sweep up each other's containers.

    Raises:
        StoreError: it can neither be read nor written.
    """
    if known := known_id(home):
        return known
    path, fresh = home / _FILE, home / f"{_FILE}.{os.getpid()}"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.write_text(os.urandom(16).hex(), encoding="ascii")
        try:
            os.link(fresh, path)  # the first one wins, and nobody sees half of it
        except FileExistsError:
            if not known_id(home):  # torn by a full disk or a death: nothing was marked with it
                os.replace(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise store_error(error, path) from error
    return known_id(home)
