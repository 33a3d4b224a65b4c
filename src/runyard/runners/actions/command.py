"""command.run: a program and its arguments."""

from __future__ import annotations

from runyard.model.action import Param, Work
from runyard.model.result import Outcome
from runyard.runners.params import OUTPUT
from runyard.runners.process import run_process


class CommandRun:
    """What `cmd.run` with a list does, in the words of the runner category `command`."""

    name = "command.run"
    summary = "Run a program with its arguments, without a shell"
    params = (
        Param("command", "string", "the program: a name or a path", required=True),
        Param("args", "strings", "its arguments", default=()),
        *OUTPUT,
    )
    idempotent = False
    supervised = True

    async def run(self, work: Work) -> Outcome:
        """Start it and wait for its end."""
        return await run_process(work, (work.args["command"], *work.args["args"]))
