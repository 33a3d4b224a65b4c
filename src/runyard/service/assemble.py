"""Putting a run together: hosts, variables, secrets, and the ways to the hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runyard.engine.ledger import Ledger
from runyard.engine.mailbox import Mailbox
from runyard.engine.running import Running
from runyard.expr.variables import Variables
from runyard.hosts.fleet import Fleet, Open
from runyard.runners.cache import ResultCache
from runyard.service.job import Job, RunOptions
from runyard.service.run_task import Signals
from runyard.store.home import Home
from runyard.store.journal import AttemptRow
from runyard.store.output import OutputStore


def assemble(
    job: Job,
    options: RunOptions,
    ledger: Ledger,
    home: Home,
    signals: Signals,
    opener: Open,
    secrets: Mapping[str, str],
    past: Iterable[AttemptRow] = (),
) -> Running:
    """Everything that the engine needs to run `job`, nothing started yet.

    `past` are attempts of earlier lives: their exports are there from the beginning.

    Raises:
        UsageError: `--limit` names an unknown host.
    """
    variables = Variables(
        job.inventory,
        defaults=job.defaults,
        workflow=job.vars,
        cli=options.vars,
        secrets=secrets,
        order=[step.key for step in job.pipeline.steps()],
    )
    for row in past:
        if row.result is not None:
            variables.record_exports(row.step, {row.host: row.result.get("exports", {})})
            variables.record_env(row.step, {row.host: row.result.get("env", {})})
    return Running(
        run_id=ledger.run_id,
        fleet=Fleet(job.inventory, opener, options.limit),
        variables=variables,
        ledger=ledger,
        halt=signals.halt,
        kill=signals.kill,
        mailbox=Mailbox(),
        output=OutputStore(home),
        base=job.base,
        secrets=secrets,
        cache=ResultCache(home.root / "cache"),
        offline=job.offline,
        facts=any(
            name.startswith("facts.") for step in job.pipeline.steps() for name in step.references()
        ),
        approve_all=options.approve,
    )
