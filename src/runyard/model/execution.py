"""What a connector is asked to execute, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from runyard.model.light import dataclass
from runyard.model.limits import Limits

CAPTURE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Exec:
    """One process tree to start, or to attach to when `attempt` is already known at the host.

    Attributes:
        attempt: id chosen by the caller; the same id again attaches, it never starts twice.
        argv: the program and its arguments; never a shell text with values pasted in.
        env: added to the host's allow-listed base environment.
        cwd: directory; None is the user's home (the starting directory on the local machine).
        stdin: bytes for the child, then end of file; None is /dev/null.
        pty: (rows, columns) of a terminal, or None for two pipes.
        timeout: seconds from start after which the tree is ended; None is unbounded.
        grace: seconds between SIGTERM and SIGKILL.
        lease: seconds after which it is ended if nobody waits for it at the host any more, as
            when the link is cut; None lets it run.
        capture: bytes of each stream kept in the result: half head, half tail.
        exports: scan stdout for `BOPS_EXPORT:` lines.
        secrets: name to value; masked in everything that is written.
        output_path: directory on the host for a full copy of both streams, or None.
    """

    attempt: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    stdin: bytes | None = None
    pty: tuple[int, int] | None = None
    timeout: float | None = None
    grace: float = 10.0
    lease: float | None = None
    limits: Limits = Limits()
    capture: int = CAPTURE
    exports: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)
    output_path: str | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """How an attempt ended, as the supervisor recorded it.

    Attributes:
        exit_code: the main process's code, or None when a signal ended it or it never ran.
        signal: number of the signal that ended the main process, or None.
        ended_by: `exit`, `signal:N`, `timeout`, `cancel`, `limit:NAME`, `lost`, `start-failed`.
        stdout, stderr: head and tail, masked, with `… N bytes dropped …` between them.
        stdout_bytes, stderr_bytes: lengths of the complete streams.
        exports: names and values found on stdout; a value equal to a secret is `${secret:NAME}`.
        warnings: what the user should know (a bad export name, a full disk, …).
        swept: processes still alive when the main one had ended, and ended then.
        survivors: processes that could not be ended; 0 is the promise.
        cpu: seconds of user + system time of the tree; peak_memory: bytes.
        started_at, ended_at: seconds since the epoch, by the host's clock.
        error: why it could not be started or went wrong, for `start-failed` and `lost`.
    """

    exit_code: int | None
    signal: int | None
    ended_by: str
    stdout: str = ""
    stderr: str = ""
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    exports: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    swept: int = 0
    survivors: int = 0
    cpu: float = 0.0
    peak_memory: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0
    error: str = ""

    @property
    def ok(self) -> bool:
        """Ended by itself with code 0."""
        return self.ended_by == "exit" and self.exit_code == 0
