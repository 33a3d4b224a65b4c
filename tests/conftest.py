"""What every test gets: a state directory of its own session, and the installed program."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A machine that is busy makes no program wrong.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(sys.executable).with_name("runyard")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests out of the user's own runs and settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("RUNYARD_")]:
            patch.delenv(name)
        patch.setenv("RUNYARD_STATE", str(tmp_path_factory.mktemp("state")))
        patch.delenv("XDG_STATE_HOME", raising=False)
        yield


@pytest.fixture
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture
def program(tmp_path: Path) -> Run:
    """Calls the installed `runyard` with a fresh state directory; returns the finished process."""

    def run(
        *args: str | Path, cwd: Path = tmp_path, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *args],
            cwd=cwd,
            env={**os.environ, "RUNYARD_STATE": str(tmp_path / "state"), **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run
