"""cmd.run: a shell line, or a program with its arguments."""

from __future__ import annotations

from runyard.model.action import Param, Work
from runyard.model.result import Outcome
from runyard.runners.params import OUTPUT
from runyard.runners.process import run_process


class CmdRun:
    """Text goes to `/bin/sh -c` on the host; a list is started as it is, with no shell."""

    name = "cmd.run"
    summary = "Run a shell line, or a program with its arguments"
    params = (
        Param("cmd", "command", "shell line(s); a list runs with no shell", required=True),
        *OUTPUT,
    )
    idempotent = False
    supervised = True

    async def run(self, work: Work) -> Outcome:
        """Start it and wait for its end."""
        cmd = work.args["cmd"]
        return await run_process(work, ("/bin/sh", "-c", cmd) if isinstance(cmd, str) else cmd)
