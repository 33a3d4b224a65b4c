"""What every benchmark gets: a place, a size, a number of rounds."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.process import RUNYARD, Took, call


@dataclass(frozen=True, slots=True)
class Bench:
    """The surroundings of one benchmark.

    Attributes:
        place: an empty directory. rounds: repetitions, of which the median counts.
        quick: sizes a tenth of the real ones, to try the benchmark itself.
    """

    place: Path
    rounds: int
    quick: bool

    def size(self, full: int) -> int:
        """`full`, or a tenth of it when quick."""
        return full // 10 if self.quick else full

    def env(self, **more: str) -> dict[str, str]:
        """The environment of a program: a state directory of this benchmark."""
        # Compiling every module anew at each start is nothing that users do.
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, "RUNYARD_STATE": str(self.place / "state"), **more}

    def runyard(self, *args: str | Path, **env: str) -> Took:
        """Call the installed program with a fresh state directory."""
        shutil.rmtree(self.place / "state", ignore_errors=True)
        return call([RUNYARD, *args], self.env(**env))

    def run(self, file: Path, **env: str) -> Took:
        """`runyard run` of a file in a fresh state directory, and the memory that it takes."""
        shutil.rmtree(self.place / "state", ignore_errors=True)
        run_id = f"bench-{os.urandom(6).hex()}"
        argv: list[str | Path] = [RUNYARD, "run", "--quiet", "--run-id", run_id, file]
        return call(argv, self.env(**env), watched=run_id)

    def write(self, name: str, text: str) -> Path:
        """A file in the benchmark's directory."""
        path = self.place / name
        path.write_text(text)
        return path

    def median(self, measure: Callable[[], float]) -> float:
        """The median over the rounds."""
        return statistics.median(measure() for _ in range(self.rounds))

    def pairs(
        self, floor: Callable[[], float], ours: Callable[[], float]
    ) -> tuple[float, float, float]:
        """Medians of floor, of ours, and of their ratio taken round by round.

        Taking the ratio in each round keeps a slow minute of the machine out of it.
        """
        taken = [(floor(), ours()) for _ in range(self.rounds)]
        return (
            statistics.median(a for a, _ in taken),
            statistics.median(b for _, b in taken),
            statistics.median(b / a for a, b in taken),
        )
