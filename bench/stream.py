"""A 1 GB stream through a step, without secrets and with five."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from bench.bench import Bench
from bench.figure import Figure
from bench.process import call

_LINE = "2026-01-01T00:00:00Z INFO request served path=/api/v1/items status=200 bytes=5120"
_SECRETS = {
    f"BENCH_{n}": value
    for n, value in enumerate(
        [
            "correct-horse-battery",
            "s3cr3t/with+odd=chars",
            "tok_4f9a8b7c6d5e",
            "pässwörd-ünicode",
            "x" * 40,
        ]
    )
}


def _workflow(count: int, secrets: bool) -> str:
    names = "".join(f"\n          {name}: ${{secret:{name}}}" for name in _SECRETS)
    env = f"\n        env:{names}" if secrets else ""
    return (
        "version: v0.1\nname: stream\nsteps:\n  - name: stream\n    action: cmd.run\n    args:\n"
        f"        cmd: yes '{_LINE}' | head -c {count}{env}\n"
    )


def run(bench: Bench) -> list[Figure]:
    """Share of the throughput of `| cat >file`, and the memory of all of our processes.

    Both write to memory where there is room: a disk that is the bottleneck would flatter us.
    """
    count = bench.size(1 << 30)
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > 4 * count:
        with tempfile.TemporaryDirectory(dir=memory) as place:
            return _measure(replace(bench, place=Path(place)), count)
    return _measure(bench, count)


def _measure(bench: Bench, count: int) -> list[Figure]:
    megabytes = count / 1e6
    sink = bench.place / "sink"
    peaks = []

    def cat() -> float:
        script = f"yes '{_LINE}' | head -c {count} | cat >'{sink}'"
        took = call(["/bin/sh", "-c", script], bench.env()).seconds
        sink.unlink()
        return took

    figures = []
    for secrets, target in ((False, 60), (True, 15)):
        file = bench.write(f"stream-{int(secrets)}.yaml", _workflow(count, secrets))
        env = {f"RUNYARD_SECRET_{name}": value for name, value in _SECRETS.items()}

        def ours(file: Path = file, env: dict[str, str] = env) -> float:
            took = bench.run(file, **env)
            peaks.append(took.peak / 2**20)
            return took.seconds

        floor, took, ratio = bench.pairs(cat, ours)
        what = "five secrets in scope" if secrets else "no secret in scope"
        figures.append(
            Figure(
                f"a {megabytes:,.0f} MB stream, {what}",
                100 / ratio,
                "% of `cat >file`",
                target,
                higher=True,
                ratio=f"{megabytes / took:,.0f} MB/s; cat {megabytes / floor:,.0f} MB/s",
            )
        )
    figures.append(Figure("resident memory of all our processes meanwhile", max(peaks), "MB", 120))
    return figures
