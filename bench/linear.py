"""10,000 steps: time and memory grow with the number of steps, and no faster."""

from __future__ import annotations

from bench.bench import Bench
from bench.figure import Figure
from bench.steps import sequential_workflow


def run(bench: Bench) -> list[Figure]:
    """Time per step and memory at three sizes; the figure is how the largest compares."""
    sizes = [bench.size(full) for full in (2500, 5000, 10000)]
    files = {count: sequential_workflow(bench, count) for count in sizes}
    rounds = [{count: bench.run(files[count]) for count in sizes} for _ in range(2)]
    # The better of two: what grows with the steps stays, what the machine did meanwhile does not.
    small, middle, large = sizes
    each = {n: min(taken[n].seconds for taken in rounds) / n * 1000 for n in sizes}
    peak = {n: min(taken[n].peak for taken in rounds) / 2**20 for n in sizes}
    growth = (peak[large] - peak[middle]) / max(peak[middle] - peak[small], 1)
    return [
        Figure(
            f"{large:,} steps: time per step against {small:,}",
            each[large] / each[small],
            "×",
            1.25,
            ratio=", ".join(f"{n:,}: {each[n]:.2f} ms" for n in sorted(each)),
        ),
        Figure(
            f"memory added from {middle:,} to {large:,} steps, against the step before it",
            growth,
            "×",
            2.5,
            ratio="linear is 2; " + ", ".join(f"{n:,}: {peak[n]:.0f} MB" for n in sorted(peak)),
        ),
    ]
