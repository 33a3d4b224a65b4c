"""Reusing an earlier success of a step that declared its inputs (contract 3, "Result cache")."""

from __future__ import annotations

from runyard.engine.context import Context
from runyard.engine.running import Running
from runyard.engine.step import Step
from runyard.model.result import Outcome, StepResult
from runyard.model.status import Status


async def recall_cached(step: Step, ctx: Context, run: Running) -> Outcome | None:
    """A cached success, told as unchanged, or None."""
    if step.policy.cache is None or run.cache is None:
        return None
    key = await _key(step, ctx)
    cached = run.cache.get(key)
    if cached is None:
        return None
    return cached.but(
        status=Status.SKIPPED, message="cached: inputs and arguments are the same", changed=False
    )


async def remember(step: Step, ctx: Context, run: Running, result: StepResult) -> None:
    """Keep a success for the next time."""
    cache = step.policy.cache
    if cache is None or run.cache is None or result.status is not Status.SUCCESS:
        return
    run.cache.put(await _key(step, ctx), result.outcome, cache.ttl)


async def _key(step: Step, ctx: Context) -> str:
    """Digest of host, arguments and the content of the declared inputs."""
    import hashlib

    digest = hashlib.sha256(f"{ctx.host.name}\0{step.fingerprint(ctx)}".encode())
    for path in step.policy.cache.inputs if step.policy.cache else ():
        there = await ctx.connector.stat(path, digest=True)
        digest.update(f"\0{path}\0{there.sha256 if there else 'absent'}".encode())
    return digest.hexdigest()
