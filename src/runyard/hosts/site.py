"""What every way to a host needs to know of the run that it is opened for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from runyard.model.light import dataclass


@dataclass(frozen=True, slots=True)
class AgentAccess:
    """What the inventory says of one agent, in variables of its host or a group (`agent_…`).

    Attributes:
        token: "" is that of the run.
        ca: file of the authorities that may have signed its certificate; "" is the system's.
        cert, key: files of our own certificate for it, and of its key.
        verify: False takes any certificate.
    """

    token: str = field(default="", repr=False)
    ca: str = ""
    cert: str = ""
    key: str = ""
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Access:
    """How we are let in, where neither inventory nor host says so.

    Attributes:
        token: of push agents, by `--token`; never written down. `token_file` is read when it is
            needed, and remembered for a resume.
        accept_new: SSH host keys seen for the first time are accepted and remembered.
        agents: what the inventory says of agents, by the host's name; never written down.
    """

    token: str = field(default="", repr=False)
    token_file: str = ""
    accept_new: bool = False
    agents: Mapping[str, AgentAccess] = field(default_factory=dict, hash=False)

    def under(self, newer: Access) -> Access:
        """These, with what `newer` says instead; a token of any kind replaces both kinds."""
        given = newer.token or newer.token_file
        return replace(
            self,
            token=newer.token if given else self.token,
            token_file=newer.token_file if given else self.token_file,
            accept_new=self.accept_new or newer.accept_new,
        )


@dataclass(frozen=True, slots=True)
class Site:
    """One run and its claim.

    Attributes:
        home: the state home; output is copied to `runs/RUN/output` below it.
        epoch: the run's; a host refuses a lower one than it has seen.
        cwd: directory that work on this machine starts in; "" is where we stand.
    """

    home: Path
    run_id: str
    epoch: int = 1
    cwd: str = ""
    access: Access = Access()

    @property
    def output(self) -> Path:
        """Where the output of the run is copied to."""
        return self.home / "runs" / self.run_id / "output"
