"""A 20,000-line workflow is validated."""

from __future__ import annotations

from bench.bench import Bench
from bench.figure import Figure


def run(bench: Bench) -> list[Figure]:
    """Seconds of the whole process."""
    lines = bench.size(20_000)
    steps = "".join(
        f"  - name: step {n}\n"
        "    action: cmd.run\n"
        f'    when: ${{STAGE}} == "live" && ${{N}} > {n}\n'
        "    timeout: 5m\n"
        "    retries: {attempts: 3, delay: 1s}\n"
        "    args:\n"
        "      export_vars: true\n"
        "      cmd: |\n"
        f"        echo step {n}\n"
        f'        echo "BOPS_EXPORT:N={n}"\n'
        for n in range(lines // 10)
    )
    head = "version: v0.1\nname: long\nvars: {STAGE: live, N: 0}\nsteps:\n"
    file = bench.write("long.yaml", head + steps)
    took = bench.median(lambda: bench.runyard("validate", file).seconds)
    return [Figure(f"`runyard validate` of {lines:,} lines", took, "s", 1)]
