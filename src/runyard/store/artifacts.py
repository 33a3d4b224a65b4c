"""Files that a run keeps: reports, bundles, things fetched from hosts."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import BinaryIO

from runyard.model.errors import NotFoundError, StoreError, UsageError
from runyard.model.light import dataclass
from runyard.store.faults import store_error
from runyard.store.files import write_atomic
from runyard.store.home import Home

MAX_BYTES = 1 << 30
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a run. `name` may hold slashes. `at` is seconds since 1970."""

    name: str
    size: int
    sha256: str
    at: float


class ArtifactStore:
    """Artifacts of the runs of one state home.

    Putting a name again replaces the file at once for every reader. What is listed is complete:
    the description of a file is written after the file. Raises StoreError.
    """

    def __init__(self, home: Home, max_bytes: int = MAX_BYTES) -> None:
        self._home = home
        self._max = max_bytes

    def put(self, run_id: str, name: str, content: bytes | Path) -> Artifact:
        """Keep bytes, or a copy of the file at a path, as `name`.

        Raises:
            UsageError: `ARTIFACT_NAME`: the name is empty, absolute, or leaves the run.
            StoreError: `ARTIFACT_SIZE`: larger than allowed; `DISK_FULL`.
            NotFoundError: there is no file at that path.
        """
        target, meta = self._paths(run_id, name)
        try:
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            self._check_size(name, size)
            for path in (target, meta):
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            size, digest = self._write(name, content, target)
            at = target.stat().st_mtime
            artifact = Artifact(name, size, digest, at)
            write_atomic(meta, json.dumps({"sha256": digest, "size": size, "at": at}).encode())
        except FileNotFoundError as error:
            raise NotFoundError(f"no file {content!s}", code="ARTIFACT") from error
        except OSError as error:
            raise store_error(error, target) from error
        return artifact

    def open(self, run_id: str, name: str) -> BinaryIO:
        """The file, open for reading. Raises NotFoundError."""
        target, meta = self._paths(run_id, name)
        if not meta.is_file():
            raise NotFoundError(f"run {run_id} keeps no {name!r}", code="ARTIFACT")
        try:
            return target.open("rb")
        except OSError as error:
            raise store_error(error, target) from error

    def list(self, run_id: str) -> list[Artifact]:
        """What a run keeps, sorted by name."""
        root = self._home.artifacts_dir(run_id) / "meta"
        found = []
        for folder, _, files in os.walk(root):
            for file in files:
                if file.startswith("."):
                    continue
                path = Path(folder, file)
                data = json.loads(path.read_bytes())
                name = str(path.relative_to(root))[: -len(".json")]
                found.append(Artifact(name, data["size"], data["sha256"], data["at"]))
        return sorted(found, key=lambda artifact: artifact.name)

    def _paths(self, run_id: str, name: str) -> tuple[Path, Path]:
        parts = name.split("/")
        bad = "\0" in name or any(part.startswith(".") or not part for part in parts)
        if bad or len(name.encode()) > 1024 or any(len(part.encode()) > 200 for part in parts):
            raise UsageError(
                f"{name!r} is not a name for an artifact",
                code="ARTIFACT_NAME",
                hint="a relative path whose parts do not begin with a dot, such as dist/app.tar.gz",
            )
        root = self._home.artifacts_dir(run_id)
        return root / "files" / name, root / "meta" / f"{name}.json"

    def _check_size(self, name: str, size: int) -> None:
        if size > self._max:
            raise StoreError(
                f"{name} has {size} bytes; at most {self._max} are kept",
                code="ARTIFACT_SIZE",
                hint="keep large files elsewhere, and their addresses here",
                retryable=False,
            )

    def _write(self, name: str, content: bytes | Path, target: Path) -> tuple[int, str]:
        if isinstance(content, bytes):
            write_atomic(target, content)
            return len(content), hashlib.sha256(content).hexdigest()
        temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
        digest, size = hashlib.sha256(), 0
        try:
            with content.open("rb") as source, temporary.open("xb") as copy:
                # A file may grow while it is copied, and a device has no end.
                while block := source.read(BLOCK):
                    size += len(block)
                    self._check_size(name, size)
                    digest.update(block)
                    copy.write(block)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        return size, digest.hexdigest()
