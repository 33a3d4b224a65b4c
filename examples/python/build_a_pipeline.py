"""Build a pipeline in Python: the same engine, and no YAML."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass

from runyard import (
    Context,
    Engine,
    Host,
    Inventory,
    Module,
    Outcome,
    Pipeline,
    Policy,
    Retry,
    Status,
    Step,
    StepResult,
    Task,
)


@dataclass(frozen=True)
class Measure(Step):
    """Asks the host for a fact and exports it for the steps that follow."""

    name: str = "measure"

    async def run(self, ctx: Context) -> StepResult:
        started = time.time()
        facts = await ctx.connector.probe()
        outcome = Outcome(
            Status.SUCCESS, stdout=f"{facts['os']}\n", exports={"SYSTEM": facts["os"]}
        )
        return self.result(ctx, outcome, started)


@dataclass(frozen=True)
class Greet(Step):
    """Fails on its first try, to show that a policy holds for steps in Python as well."""

    name: str = "greet"
    policy: Policy = Policy(retry=Retry(attempts=2, delay=0.01))

    async def run(self, ctx: Context) -> StepResult:
        started = time.time()
        if ctx.attempt == 1:
            return self.result(ctx, Outcome(Status.FAILED, message="not yet"), started)
        system = ctx.scope().lookup("SYSTEM")
        text = f"hello from {ctx.host.name}, which runs {system}\n"
        return self.result(ctx, Outcome(Status.SUCCESS, stdout=text), started)


async def main() -> int:
    pipeline = Pipeline(
        "from-python",
        modules=(Module("only", tasks=(Task("greetings", steps=(Measure(), Greet())),)),),
    )
    hosts = Inventory.of([Host("left"), Host("right")])
    done = await Engine().apply_with_run(pipeline, inventory=hosts)
    for result in done.results:
        print(f"{result.host}: {result.step}, attempt {result.attempt}, {result.status}")
    print(done.step("greet", "right").outcome.stdout, end="")
    return 0 if done.ok else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
