"""Actions that are one supervised process tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runyard.model.action import Work
from runyard.model.execution import CAPTURE, Exec
from runyard.model.result import Outcome
from runyard.runners.convert import to_text
from runyard.runners.outcome import outcome_of


async def run_process(
    work: Work, argv: tuple[str, ...], *, stdin: bytes | None = None, changed: bool = True
) -> Outcome:
    """Run `argv` at the work's host with the arguments of `params.OUTPUT`, and wait for its end.

    The environment is every variable in scope, then `args.env` over it. Cancellation ends the
    tree at the host and gives a `canceled` outcome. Raises what `Connector.exec` raises.
    """
    args = work.args
    exit = await work.connector.exec(
        Exec(
            attempt=work.attempt,
            argv=argv,
            env={**work.env, **as_env(args.get("env") or {})},
            cwd=args.get("dir"),
            stdin=stdin,
            timeout=work.timeout,
            grace=work.grace,
            lease=work.lease,
            limits=work.limits,
            capture=args.get("max_output_bytes") or CAPTURE,
            exports=bool(args.get("export_vars")),
            secrets=work.secrets,
            output_path=args.get("output_path"),
        )
    )
    return outcome_of(exit, timeout=work.timeout, changed=changed)


def as_env(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as an environment: text as it is, nothing as "", the rest as JSON."""
    return {name: "" if value is None else to_text(value) for name, value in values.items()}
