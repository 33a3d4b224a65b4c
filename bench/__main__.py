"""`python -m bench`: measure everything, write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from importlib import import_module
from pathlib import Path

from bench import page
from bench.bench import Bench
from bench.figure import Figure

NAMES = ("startup", "steps", "linear", "stream", "validate", "latency", "agents", "ssh", "peers")


def main() -> int:
    """0, or 1 when a benchmark could not be run; a missed target is said, not failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of every size, one round")
    parser.add_argument("--only", metavar="NAME", choices=NAMES, action="append")
    parser.add_argument("--no-peers", action="store_true", help="leave other tools out")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    names = [name for name in options.only or NAMES if not (name == "peers" and options.no_peers)]
    root = Path(__file__).resolve().parents[1] / ".cache" / "bench"
    groups: dict[str, list[Figure]] = {}
    failed = False
    for name in names:
        place = root / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        print(f"{name} …", flush=True)
        start = time.perf_counter()
        try:
            groups[name] = import_module(f"bench.{name}").run(Bench(place, rounds, options.quick))
        except (OSError, RuntimeError, ValueError) as error:
            print(f"  failed: {error}", flush=True)
            failed = True
        else:
            for figure in groups[name]:
                print(figure.line(), flush=True)
        print(f"  ({time.perf_counter() - start:.0f} s)", flush=True)
        shutil.rmtree(place, ignore_errors=True)
    if not (options.quick or options.only or failed):
        page.write(groups, rounds)
        print(f"wrote {page.PAGE.name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
