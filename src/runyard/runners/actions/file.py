"""file.copy and file.fetch: one file to a host, or from it."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path, PurePosixPath

from runyard.model.action import Param, Work
from runyard.model.connector import FileStat
from runyard.model.errors import ArgumentError, NotFoundError
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.files import digest_local, read_local, set_local, write_local

_RIGHTS = (
    Param("mode", "mode", "octal mode as written, such as 0644"),
    Param("owner", "string", "owner as user or user:group"),
)


class FileCopy:
    """Checksums are compared first: an equal file is not sent, and the step is not `changed`."""

    name = "file.copy"
    summary = "Copy a file to the host, if it differs there"
    params = (
        Param("src", "string", "file here, relative to the workflow file", required=True),
        Param("dest", "string", "path on the host; a directory keeps the name", required=True),
        *_RIGHTS,
    )
    idempotent = True
    supervised = False

    async def run(self, work: Work) -> Outcome:
        """Compare checksums, then put. Raises NotFoundError when `src` does not exist."""
        args = work.args
        src = work.base / args["src"]
        data = await asyncio.to_thread(read_local, src)
        dest = args["dest"]
        there = await work.connector.stat(dest, digest=True)
        if dest.endswith("/") or (there is not None and there.kind == "dir"):
            dest = str(PurePosixPath(dest) / src.name)
            there = await work.connector.stat(dest, digest=True)
        digest = hashlib.sha256(data).hexdigest()
        if _same(there, digest, args["mode"]) and args["owner"] is None:
            return written(dest, digest, len(data), changed=False)
        done = await work.connector.put(data, dest, mode=args["mode"], owner=args["owner"])
        return written(dest, done.sha256, done.size, changed=done.changed)


class FileFetch:
    """Checksums are compared first: an equal file is not brought, and the step not `changed`."""

    name = "file.fetch"
    summary = "Fetch a file from the host, if it differs here"
    params = (
        Param("src", "string", "path on the host", required=True),
        Param(
            "dest",
            "string",
            "path here, relative to the workflow file; DIR/ becomes DIR/HOST/NAME",
            required=True,
        ),
        *_RIGHTS,
    )
    idempotent = True
    supervised = False

    async def run(self, work: Work) -> Outcome:
        """Compare checksums, then get. Raises NotFoundError when `src` is not on the host."""
        args = work.args
        there = await work.connector.stat(args["src"], digest=True)
        if there is None:
            raise NotFoundError(f"no such file on {work.host}: {args['src']}")
        if there.kind == "dir":
            raise ArgumentError(f"{args['src']} is a directory on {work.host}", hint="name a file")
        dest = self._dest(work)
        mode = args["mode"] if args["mode"] is not None else there.mode & 0o777
        here = await asyncio.to_thread(digest_local, dest)
        if here and here == there.sha256:
            changed = await asyncio.to_thread(
                set_local, dest, mode=args["mode"], owner=args["owner"]
            )
            return written(str(dest), here, there.size, changed=changed)
        data = await work.connector.get(args["src"])
        await asyncio.to_thread(write_local, dest, data, mode=mode, owner=args["owner"])
        return written(str(dest), hashlib.sha256(data).hexdigest(), len(data), changed=True)

    @staticmethod
    def _dest(work: Work) -> Path:
        dest: Path = work.base / work.args["dest"]
        if work.args["dest"].endswith("/") or dest.is_dir():
            from urllib.parse import quote

            return dest / quote(work.host, safe="") / PurePosixPath(work.args["src"]).name
        return dest


def _same(there: FileStat | None, digest: str, mode: int | None) -> bool:
    return there is not None and there.sha256 == digest and mode in (None, there.mode & 0o7777)


def written(dest: str, digest: str, size: int, *, changed: bool) -> Outcome:
    """The outcome of writing `size` bytes to `dest`, or of leaving them as they were."""
    return Outcome(
        status=Status.SUCCESS,
        message=f"{'wrote' if changed else 'unchanged'} {dest}",
        changed=changed,
        data={"dest": dest, "sha256": digest, "size": size},
    )
