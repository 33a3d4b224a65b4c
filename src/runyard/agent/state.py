"""The directory of one agent: held by one process at a time, each with a higher epoch."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from runyard.model.errors import ConflictError, SystemFault
from runyard.store.files import write_atomic

_LOCK = "agent.lock"
_EPOCH = "epoch"


class State:
    """What an agent keeps below `root` (mode 0700): `tasks/`, `fences/`, and `runs/` with output.

    `epoch` is higher than that of every process that had the directory before: the supervisor
    refuses those from now on.
    """

    def __init__(self, root: Path, lock: int, epoch: int) -> None:
        self.root = root
        self.epoch = epoch
        self._lock = lock

    @classmethod
    def open(cls, root: Path) -> State:
        """Take the directory; it is made when it is not there.

        Raises:
            ConflictError: `STATE_IN_USE`: another agent has it.
            SystemFault: `STATE`: it cannot be written, or belongs to another user.
        """
        root = root.absolute()
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = root.stat()
            if found.st_uid != os.geteuid():
                raise PermissionError(1, "it belongs to another user", str(root))
            if found.st_mode & 0o077:
                root.chmod(0o700)
            lock = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _fault(root, error) from error
        try:
            return cls(root, lock, _take(root, lock))
        except BaseException:
            os.close(lock)
            raise

    @property
    def tasks(self) -> Path:
        """A directory for each task."""
        return self.root / "tasks"

    @property
    def runs(self) -> Path:
        """Output, starts and exits of attempts, by run; written by the supervisor."""
        return self.root / "runs"

    @property
    def fences(self) -> Path:
        """The highest epoch of each run."""
        return self.root / "fences"

    def close(self) -> None:
        """Let go. Idempotent."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _take(root: Path, lock: int) -> int:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(lock, 20, 0).decode(errors="replace").strip()
        raise ConflictError(
            f"another agent{f' (pid {owner})' if owner else ''} works with {root}",
            code="STATE_IN_USE",
            hint="`--state DIR` gives this one a directory of its own",
        ) from None
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        for name in ("tasks", "runs", "fences"):
            (root / name).mkdir(exist_ok=True, mode=0o700)
        epoch = _last(root / _EPOCH) + 1
        write_atomic(root / _EPOCH, f"{epoch}\n".encode())
    except OSError as error:
        raise _fault(root, error) from error
    return epoch


def _last(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def _fault(root: Path, error: OSError) -> SystemFault:
    return SystemFault(
        f"the state directory {root} cannot be used: {error.strerror}",
        code="STATE",
        hint="`--state DIR` names another one",
        retryable=False,
    )
