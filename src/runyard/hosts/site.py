"""What every way to a host needs to know of the run that it is opened for."""

from __future__ import annotations

from pathlib import Path

from runyard.model.light import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """How we are let in, where neither inventory nor host says so.

    Attributes:
        token: of push agents, by `--token`, `--token-file` or RUNYARD_AGENT_TOKEN; never written
            down. `token_file` is read when it is needed, and remembered for a resume.
        accept_new: SSH host keys seen for the first time are accepted and remembered.
    """

    token: str = ""
    token_file: str = ""
    accept_new: bool = False


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
