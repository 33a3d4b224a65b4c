"""The state home: the directory where runs live, and who owns which of them."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from runyard.model.errors import ConflictError
from runyard.model.ids import check_run_id
from runyard.store.faults import store_error

BALLAST = 1 << 20


class Ownership:
    """A flock that is held until `close`, or until this process dies, however it dies."""

    def __init__(self, owner: str, fd: int) -> None:
        self.owner = owner
        self._fd = fd

    def close(self) -> None:
        """Let go. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Ownership:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Home:
    """Paths of one state home, mode 0700: `runyard.db`, `runs/<run_id>/…`, `ballast`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = root / "runyard.db"
        self.ballast = root / "ballast"

    @classmethod
    def default(cls, environ: Mapping[str, str] = os.environ) -> Home:
        """`$RUNYARD_STATE`, or `$XDG_STATE_HOME/runyard`, or `~/.local/state/runyard`."""
        if environ.get("RUNYARD_STATE"):
            return cls(Path(environ["RUNYARD_STATE"]).expanduser().absolute())
        if environ.get("XDG_STATE_HOME"):
            return cls(Path(environ["XDG_STATE_HOME"]).absolute() / "runyard")
        return cls(Path(environ.get("HOME") or Path.home()) / ".local" / "state" / "runyard")

    def prepare(self) -> Home:
        """Make the directory and its ballast if they are not there; returns self.

        Raises StoreError when it cannot be written.
        """
        try:
            if not self.root.is_dir():
                self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
                self.root.chmod(0o700)
            if not os.access(self.root, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied", str(self.root))
        except OSError as error:
            raise store_error(error, self.root) from error
        self._lay_ballast()
        return self

    def run_dir(self, run_id: str) -> Path:
        """`runs/<run_id>`. Raises UsageError for an id that is none."""
        return self.root / "runs" / check_run_id(run_id)

    def output_dir(self, run_id: str) -> Path:
        """The spool of a run."""
        return self.run_dir(run_id) / "output"

    def artifacts_dir(self, run_id: str) -> Path:
        """The files a run keeps."""
        return self.run_dir(run_id) / "artifacts"

    def owner_of(self, run_id: str) -> str:
        """Name of the run's own flock file, relative to the home."""
        return f"runs/{check_run_id(run_id)}/owner.lock"

    def own(self, run_id: str) -> Ownership:
        """Take the flock of a run until it is closed.

        Raises:
            ConflictError: `RUN_OWNED`: a living process has it.
            StoreError: the directory cannot be written.
        """
        owner = self.owner_of(run_id)
        path = self.root / owner
        while True:
            try:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise store_error(error, path) from error
            if not _lock(fd):
                os.close(fd)
                raise ConflictError(
                    f"run {run_id} is owned by a running process",
                    code="RUN_OWNED",
                    hint=f"wait for it, or stop it with `runyard cancel {run_id}`",
                )
            if _is_at(fd, path):
                return Ownership(owner, fd)
            # The run was removed between the open and the lock: this lock is on nothing.
            os.close(fd)

    def is_owned(self, run_id: str) -> bool:
        """True while a living process holds the run's flock."""
        return self.is_locked(self.owner_of(run_id))

    def is_locked(self, owner: str) -> bool:
        """The same by the name of the flock file."""
        try:
            fd = os.open(self.root / owner, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def free_ballast(self) -> bool:
        """Give back the reserved megabyte, so that an end state can be written; False: no more."""
        try:
            self.ballast.unlink()
        except OSError:
            return False
        return True

    def _lay_ballast(self) -> None:
        if self.ballast.exists():
            return
        try:
            fd = os.open(self.ballast, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            return
        try:
            # Noise, so that no file system compresses it away.
            whole = os.write(fd, os.urandom(BALLAST)) == BALLAST
        except OSError:
            whole = False
        finally:
            os.close(fd)
        if not whole:
            self.ballast.unlink(missing_ok=True)


def _lock(fd: int) -> bool:
    # `is_locked` of another process holds the lock for a moment: a refusal must last.
    for left in range(10, -1, -1):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if left:
                time.sleep(0.003)
    return False


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False
