"""The runtime context: an environment, and nothing that acts on the flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from runyard.engine.mailbox import Mailbox
from runyard.engine.policy import Offline, Policy
from runyard.expr.scope import Scope
from runyard.expr.variables import Variables
from runyard.hosts.inventory import Host
from runyard.model.connector import Connector
from runyard.model.ids import attempt_id
from runyard.model.light import dataclass
from runyard.store.output import OutputStore


@dataclass(frozen=True, slots=True)
class Context:
    """What a step can see on one host (contract 3: host, variables, connector, nothing else).

    Attributes:
        attempt: number of this try, from 1; while checking, that of the run's life (its epoch),
            as each life has to look for itself.
        item: loop or matrix values of this instance (`{"item": …}`, `{"matrix": {…}}`).
        secrets: name to value of every secret the run knows; all are masked everywhere.
        base: directory that relative paths of the document are relative to.
        mailbox: events that people posted to the run.
        output: where work that runs in this process writes.
        offline: what the host says, else the run, of hosts that cannot be reached.
    """

    run_id: str
    host: Host
    connector: Connector
    variables: Variables
    base: Path
    mailbox: Mailbox
    secrets: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 0
    output: OutputStore | None = None
    offline: Offline = Offline()

    def at(self, attempt: int) -> Context:
        """The same environment for try number `attempt`."""
        return replace(self, attempt=attempt)

    def offline_by(self, policy: Policy) -> Offline:
        """What to do when the host cannot be reached: the step's word, the host's, the run's."""
        return policy.offline or self.offline

    def attempt_id(self, key: str) -> str:
        """The id under which the host knows the current try of step `key`."""
        return attempt_id(self.run_id, key, self.host.name, self.attempt)

    def scope(
        self,
        item: Mapping[str, Any] | None = None,
        step_env: Mapping[str, Any] | None = None,
    ) -> Scope:
        """Variables as this host sees them now."""
        return self.variables.scope(self.host.name, item=item, step_env=step_env)
