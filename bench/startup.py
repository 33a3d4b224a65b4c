"""Whole processes: `--help`, an import, the smallest run."""

from __future__ import annotations

from bench.bench import Bench
from bench.figure import Figure
from bench.process import PYTHON, call

_HELLO = """\
version: v0.1
name: hello
steps:
  - name: hello
    action: cmd.run
    args: {cmd: echo hello}
"""


def run(bench: Bench) -> list[Figure]:
    """Milliseconds, beside a Python that does nothing."""
    bench = Bench(bench.place, bench.rounds * 4, bench.quick)
    hello = bench.write("hello.yaml", _HELLO)

    def python(code: str) -> float:
        return call([PYTHON, "-c", code], bench.env()).seconds * 1000

    def bare() -> float:
        return python("")

    figures = []
    floor, took, ratio = bench.pairs(bare, lambda: bench.runyard("--help").seconds * 1000)
    figures.append(Figure("`runyard --help`", took, "ms", 80, ratio=f"{ratio:.1f}× bare Python"))
    _, took, ratio = bench.pairs(bare, lambda: python("import runyard"))
    figures.append(Figure("`import runyard`", took, "ms", 60, ratio=f"{ratio:.1f}× bare Python"))
    _, took, ratio = bench.pairs(bare, lambda: bench.runyard("run", hello).seconds * 1000)
    figures.append(
        Figure("`runyard run hello.yaml`", took, "ms", 200, ratio=f"{ratio:.1f}× bare Python")
    )
    figures.append(Figure("bare `python -c ''`, for comparison", floor, "ms"))
    return figures
