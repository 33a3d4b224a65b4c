"""file.copy and file.fetch: one file to a host, or from it, streamed."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath

from runyard.model.action import Param, Work
from runyard.model.connector import FileStat
from runyard.model.errors import ArgumentError, NotFoundError, SystemFault
from runyard.model.progress import Progress
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.files import Landing, check_local, digest_local, set_local
from runyard.runners.progress import telling
from runyard.store.settled import settled

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
        """Put it. Raises NotFoundError when `src` does not exist, and what `put` raises."""
        args = work.args
        src = work.base / args["src"]
        await settled(partial(check_local, src))
        dest = args["dest"]
        if dest.endswith("/") or await _is_directory(work, dest):
            dest = str(PurePosixPath(dest) / src.name)
        progress = Progress()
        async with telling(work, "copied", progress):
            done = await work.connector.put(
                src, dest, mode=args["mode"], owner=args["owner"], progress=progress
            )
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
        """Compare checksums, then get. Raises NotFoundError when `src` is not on the host.

        On every way out the file here is the old one or the new one.
        """
        args = work.args
        there = await work.connector.stat(args["src"], digest=True)
        if there is None:
            raise NotFoundError(f"no such file on {work.host}: {args['src']}")
        if there.kind == "dir":
            raise ArgumentError(f"{args['src']} is a directory on {work.host}", hint="name a file")
        dest = self._dest(work)
        here = await settled(partial(digest_local, dest))
        if not (here and here == there.sha256):
            digest, size = await self._get(work, dest, there, here)
            if digest != here:
                return written(str(dest), digest, size, changed=True)
            there = FileStat(there.kind, size, there.mode, there.owner, there.mtime, digest)
        changed = await settled(partial(set_local, dest, mode=args["mode"], owner=args["owner"]))
        return written(str(dest), here, there.size, changed=changed)

    @staticmethod
    async def _get(work: Work, dest: Path, there: FileStat, here: str) -> tuple[str, int]:
        """Bring it here unless it turns out to be `here` already: digest and size."""
        args = work.args
        mode = args["mode"]
        if mode is None and there.kind == "file":
            mode = there.mode & 0o777
        landing = await settled(partial(Landing, dest), Landing.abandon)
        try:
            progress = Progress(there.size)
            async with telling(work, "fetched", progress):
                async for part in work.connector.get(args["src"]):
                    await settled(partial(landing.write, part))
                    progress.done = landing.size
            digest = landing.sha256
            if there.sha256 and digest != there.sha256:
                raise SystemFault(
                    f"{args['src']} changed on {work.host} while it was fetched", code="CHANGED"
                )
            if digest != here:
                await settled(partial(landing.finish, mode=mode, owner=args["owner"]))
            return digest, landing.size
        finally:
            landing.abandon()

    @staticmethod
    def _dest(work: Work) -> Path:
        dest: Path = work.base / work.args["dest"]
        if work.args["dest"].endswith("/") or dest.is_dir():
            from urllib.parse import quote

            return dest / quote(work.host, safe="") / PurePosixPath(work.args["src"]).name
        return dest


async def _is_directory(work: Work, dest: str) -> bool:
    there = await work.connector.stat(dest)
    if there is not None and there.kind == "link":
        with suppress(SystemFault):  # whatever is wrong with it, the copy will say
            there = await work.connector.stat(f"{dest}/")
    return there is not None and there.kind == "dir"


def written(dest: str, digest: str, size: int, *, changed: bool) -> Outcome:
    """The outcome of writing `size` bytes to `dest`, or of leaving them as they were."""
    return Outcome(
        status=Status.SUCCESS,
        message=f"{'wrote' if changed else 'unchanged'} {dest}",
        changed=changed,
        data={"dest": dest, "sha256": digest, "size": size},
    )
