"""What the layers of one running pipeline share while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from runyard.engine.context import Context
from runyard.engine.crowd import Crowd
from runyard.engine.halt import Halt
from runyard.engine.ledger import Ledger
from runyard.engine.mailbox import Mailbox
from runyard.engine.policy import Offline
from runyard.expr.variables import Variables
from runyard.hosts.fleet import Fleet
from runyard.hosts.inventory import Host
from runyard.model.connector import Connector
from runyard.model.light import dataclass
from runyard.model.result import Outcome, StepResult
from runyard.runners.cache import ResultCache
from runyard.store.output import OutputStore


@dataclass(frozen=True, slots=True)
class Running:
    """Handed down from pipeline to step beside the context; results come back by return value.

    `output` takes the streams of in-process work, `cache` is None when nothing may be reused.
    `offline` is for hosts and steps that do not say what to do when a host cannot be reached.
    `crowd` holds the places of the hosts that are at work for the same task; None is no bound.
    `facts`: the work refers to facts of hosts, which are gathered when a host is first reached.
    `approve_all` answers every approval with yes. `order` numbers the steps from 1, in
    their order. `kill` is the second signal: it stops clean-up work as well.
    """

    run_id: str
    fleet: Fleet
    variables: Variables
    ledger: Ledger
    halt: Halt
    kill: Halt
    mailbox: Mailbox
    output: OutputStore
    base: Path
    secrets: Mapping[str, str] = field(default_factory=dict)
    cache: ResultCache | None = None
    offline: Offline = Offline()
    facts: bool = False
    approve_all: bool = False
    order: dict[str, int] = field(default_factory=dict)
    crowd: Crowd | None = None

    def under(self, halt: Halt, crowd: Crowd | None = None) -> Running:
        """The same run, stopped by another signal; `crowd`: as the hosts of one task see it."""
        return replace(self, halt=halt, crowd=crowd)

    def write(self, attempt: str, outcome: Outcome) -> None:
        """Keep the streams of work that no supervisor wrote down."""
        for stream, text in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
            if text:
                self.output.append(self.run_id, attempt, stream, text.encode())

    def select(self, targets: tuple[str, ...]) -> list[Host]:
        """Hosts that `targets` name, in the inventory's order, within `--limit`."""
        return self.fleet.select(targets)

    def _offline(self, host: Host) -> Offline:
        """What the inventory says of `host` when it cannot be reached, else the run."""
        said = self.fleet.inventory.with_link(host).options.get("offline")
        return self.offline if said is None else Offline.of(said)

    def context(self, host: Host, connector: Connector) -> Context:
        """The environment of steps on `host`."""
        return Context(
            run_id=self.run_id,
            host=host,
            connector=connector,
            variables=self.variables,
            base=self.base,
            mailbox=self.mailbox,
            secrets=self.secrets,
            output=self.output,
            offline=self._offline(host),
        )


@dataclass(frozen=True, slots=True)
class Ran:
    """What a task, module or pipeline came to: all results, and the first error if any."""

    results: tuple[StepResult, ...]
    error: str = ""
    canceled: bool = False

    @property
    def ok(self) -> bool:
        return not self.error and not self.canceled
