"""disk.free: is there room enough on a file system?"""

from __future__ import annotations

from runyard.model.action import Param, Work
from runyard.model.errors import ExecutionError
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.process import run_process


class DiskFree:
    """Fails when the file system of `path` has less than `at_least` bytes free."""

    name = "disk.free"
    summary = "Check that a file system has room"
    params = (
        Param("path", "string", "any path on the file system", required=True),
        Param("at_least", "size", "bytes that must be free", required=True),
    )
    idempotent = True
    supervised = True

    async def run(self, work: Work) -> Outcome:
        """Ask `df` on the host. Nothing is pasted into a shell: the path is an argument."""
        done = await run_process(work, ("df", "-Pk", "--", work.args["path"]), changed=False)
        if done.status is not Status.SUCCESS:
            return done
        free = int(done.stdout.splitlines()[-1].split()[3]) * 1024
        found = done.but(data={"free": free}, message=f"{free >> 20} MiB free")
        if free >= work.args["at_least"]:
            return found
        error = ExecutionError(
            f"only {free} bytes are free on {work.args['path']}", code="DISK_FULL", retryable=False
        )
        return found.but(status=Status.FAILED, error=error.to_dict(), message=error.message)
