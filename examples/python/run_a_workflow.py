"""Run a workflow file from a program and look at what came of it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from runyard import Engine, InvalidWorkflow, load_workflow

HERE = Path(__file__).parent


async def main() -> int:
    try:
        workflow = load_workflow(HERE.parent / "guide" / "08-when.yaml")
    except InvalidWorkflow as error:
        for diagnostic in error.diagnostics:
            print(diagnostic.render())
        return 2

    done = await Engine().apply_with_run(workflow, vars={"COUNT": 5})
    for result in done.results:
        print(f"{result.step} on {result.host}: {result.status}")
    print(done.step("enough").outcome.stdout, end="")
    print(f"the run: {done.status}")
    return 0 if done.ok else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
