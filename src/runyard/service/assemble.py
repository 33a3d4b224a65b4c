"""Putting a run together: hosts, variables, secrets, and the ways to the hosts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from runyard.engine.ledger import Ledger
from runyard.engine.mailbox import Mailbox
from runyard.engine.running import Running
from runyard.expr.variables import Variables
from runyard.hosts.fleet import Fleet, Open
from runyard.hosts.inventory import Host
from runyard.hosts.local import LocalConnector
from runyard.model.connector import Connector
from runyard.model.errors import UsageError
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


def local_opener(home: Home, run_id: str, epoch: int, cwd: str = "") -> Open:
    """Ways to the hosts of a run: this machine, once for all local hosts, starting in `cwd`."""
    here = LocalConnector(home.root, run_id, epoch, cwd=cwd)

    def open(host: Host, become: str) -> Connector:
        if host.transport != "local":
            raise UsageError(
                f"host {host.name} is at {host.address}: this version runs on this machine only",
                code="TRANSPORT",
                hint="run it here, under the hosts' own names and variables, with --local",
            )
        if become and become != _user():
            raise UsageError(
                f"become: {become} needs another user's supervisor, which this version has not",
                code="BECOME",
                hint=f"start runyard as {become}",
            )
        return here

    return open


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""
