"""1,000 no-op steps, one after the other and 50 at a time, against the floors."""

from __future__ import annotations

from pathlib import Path

from bench import floor
from bench.bench import Bench
from bench.figure import Figure


def sequential_workflow(bench: Bench, count: int) -> Path:
    """`count` steps that do nothing."""
    steps = "".join(
        f"  - {{name: step-{n}, action: cmd.run, args: {{cmd: 'true'}}}}\n" for n in range(count)
    )
    return bench.write(f"steps-{count}.yaml", f"version: v0.1\nname: steps\nsteps:\n{steps}")


def parallel_workflow(bench: Bench, count: int) -> Path:
    """One step on `count` hosts of this machine, 50 at once."""
    hosts = "".join(f"    h{n}: {{}}\n" for n in range(count))
    return bench.write(
        f"hosts-{count}.yaml",
        f"version: v0.1\nname: hosts\ninventory:\n  hosts:\n{hosts}steps:\n"
        "  - {name: noop, action: cmd.run, concurrency: 50, args: {cmd: 'true'}}\n",
    )


def run(bench: Bench) -> list[Figure]:
    """Ratios to the floors: per step, and of whole runs with start-up and compiling."""
    count = bench.size(1000)
    file, single = sequential_workflow(bench, count), sequential_workflow(bench, 1)

    def steps() -> float:
        whole = bench.runyard("run", "--quiet", file).seconds
        return whole - bench.runyard("run", "--quiet", single).seconds

    each, took, ratio = bench.pairs(lambda: floor.measure(bench, "asyncio", count), steps)
    words = f"{took / count * 1000:.2f} ms a step; asyncio {each / count * 1000:.2f} ms"
    figures = [
        Figure(f"{count:,} sequential no-op steps, per step", ratio, "× floor", 2, ratio=words)
    ]
    each, took, ratio = bench.pairs(
        lambda: floor.measure(bench, "asyncio", count),
        lambda: bench.runyard("run", "--quiet", file).seconds,
    )
    words = f"{took:.2f} s; asyncio {each:.2f} s"
    figures.append(
        Figure("the same as a whole process, start-up included", ratio, "× floor", ratio=words)
    )
    spawn = bench.median(lambda: floor.measure(bench, "spawn", count))
    figures.append(
        Figure(
            "the same against bare posix_spawn",
            took / spawn,
            "× spawn",
            ratio=f"spawn {spawn / count * 1000:.2f} ms",
        )
    )
    file = parallel_workflow(bench, count)
    each, took, ratio = bench.pairs(
        lambda: floor.measure(bench, "parallel", count),
        lambda: bench.runyard("run", "--quiet", file).seconds,
    )
    words = f"{took:.2f} s; asyncio {each:.2f} s"
    figures.append(Figure(f"{count:,} no-op steps, 50 at once", ratio, "× floor", 2, ratio=words))
    return figures
