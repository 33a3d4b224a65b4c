"""The way to one host: a few verbs; every action is written against them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

from runyard.model.execution import Exec, Exit
from runyard.model.light import dataclass
from runyard.model.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from runyard.model.action import Work
    from runyard.model.result import Outcome


@dataclass(frozen=True, slots=True)
class FileStat:
    """A file on a host: `kind` is file, dir, link or other; `sha256` of regular files only."""

    kind: str
    size: int
    mode: int
    owner: str
    mtime: float
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Put:
    """Outcome of `put`: `changed` is False when content, mode and owner were as asked."""

    changed: bool
    sha256: str
    size: int


class Connector(Protocol):
    """Reaches one host.

    Order: `connect` once, then any verbs concurrently, then `close` once. `connect` and `close`
    are idempotent. All verbs raise `NetworkError` when the host cannot be reached any more and
    `SystemFault` for a failure at the host; `exec` reports failures of the *work* in `Exit`.
    """

    async def connect(self) -> None:
        """Reach the host, start or join its supervisor. Raises NetworkError."""

    async def exec(self, work: Exec) -> Exit:
        """Start `work`, or attach when its attempt is known, and wait for its end.

        Cancellation of the awaiting task is an order, not an escape: the attempt is ended at the
        host (TERM, grace, KILL), and its true `Exit` with `ended_by: cancel` is *returned*. A
        second cancellation ends the grace at once.
        """

    async def recall(self, attempt: str) -> bool:
        """True when the host knows `attempt`, alive or ended: `exec` would attach."""

    async def put(
        self,
        data: bytes | Path,
        dest: str,
        *,
        mode: int | None = None,
        owner: str | None = None,
        progress: Progress | None = None,
    ) -> Put:
        """Write `data`, or the file `data` of this machine, to `dest`, if that differs.

        It is streamed into a temporary file beside `dest`, compared by SHA-256, synced and
        renamed: on every way out, cancellation and a lost host included, `dest` is the old file
        or the new one. A file that is replaced gives its mode and owner where none is asked for;
        links are followed. Raises NotFoundError for a missing source or parent directory,
        ArgumentError for an owner that does not exist, SystemFault `CHANGED` when the source was
        written to meanwhile, SystemFault when the disk is full, `dest` a directory, or access
        denied; HostLost. `progress` is told, in bytes, how far it is.
        """

    def get(self, src: str) -> AsyncIterator[bytes]:
        """The bytes of the file `src`, in parts of at most 4 MiB; links are followed.

        Raises NotFoundError; SystemFault, with `CHANGED` when it was written to meanwhile;
        HostLost. What was given until then is of no use.
        """

    async def stat(self, path: str, *, digest: bool = False) -> FileStat | None:
        """What is at `path` (links not followed), or None."""

    async def probe(self) -> dict[str, str]:
        """Facts of the host: `os arch hostname user python machine_id`, plus `has.NAME` paths."""

    async def perform(self, action: str, work: Work) -> Outcome | None:
        """Have the host itself do an action that looks around from where it is.

        None when there is nobody of ours who could (this machine, SSH, a container): the action
        then does it from here. Raises HostLost.
        """

    async def socket(self, path: str) -> str:
        """Path on this machine of a unix socket that leads to the socket `path` of the host.

        It lasts until `close`. Raises SystemFault, `NO_SOCKET`, where there is no such way.
        """

    async def close(self, *, done: bool = False) -> None:
        """Leave the host; attempts that run go on.

        `done`: all results are written down here, so that the host may forget the run.
        """
