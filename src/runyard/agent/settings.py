"""How an agent was told to be: where it listens, whom it lets in, and how much it takes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from runyard.model.light import dataclass

DEFAULT_ADDRESS = ":7072"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an agent takes on (contract 2, "Limits").

    Attributes:
        tasks: that run at once, those of doors included.
        body: bytes of a request.
        output: bytes that one task may write.
        spool: bytes of output, orders and results on disk; beyond them nothing is started.
        keep_tasks: tasks that have ended and are still known; more, for a minute after their ends.
        keep_for: seconds for which they, and what doors have left, are known.
    """

    tasks: int = 1024
    body: int = 16 << 20
    output: int = 10 << 30
    spool: int = 20 << 30
    keep_tasks: int = 1000
    keep_for: float = 86_400.0

    def to_dict(self) -> dict[str, int]:
        """What a dispatcher is told of them."""
        return {
            "tasks": self.tasks,
            "body": self.body,
            "output": self.output,
            "spool": self.spool,
        }


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of a certificate, its key, and of the authority that clients' certificates want."""

    cert: Path
    key: Path | None = None
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """All options of `runyard agent`.

    Attributes:
        addresses: as written: `:7072`, `0.0.0.0:7072`, `[::1]:7072`.
        state: directory of the agent's own; None makes one for the port of the first address.
        token, token_file: as given on the command line; "" is not given.
    """

    addresses: tuple[str, ...] = (DEFAULT_ADDRESS,)
    state: Path | None = None
    token: str = field(default="", repr=False)
    token_file: str = ""
    tls: Tls | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    bounds: Bounds = Bounds()
    verbose: bool = False
    quiet: bool = False
