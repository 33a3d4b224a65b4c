"""shell.run: a whole script in a shell."""

from __future__ import annotations

from runyard.model.action import Param, Work
from runyard.model.errors import ArgumentError
from runyard.model.result import Outcome
from runyard.runners.params import OUTPUT
from runyard.runners.process import run_process

_POSIX = frozenset({"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"})
_READ_ALL_FIRST = 'eval "$(command -p cat)"'


class ShellRun:
    """The script reaches the shell on its stdin, read to its end before the first line runs.

    So it has no size limit, other users do not see it in `ps`, no file is left behind, and a
    script that reads stdin finds it empty instead of eating its own next lines.
    """

    name = "shell.run"
    summary = "Run a whole shell script"
    params = (
        Param("script", "text", "the script", required=True),
        Param(
            "shell",
            "string",
            "sh, bash, dash, ksh or zsh: a name or path, options may follow",
            default="/bin/sh",
        ),
        *OUTPUT,
    )
    idempotent = False
    supervised = True

    async def run(self, work: Work) -> Outcome:
        """Start it and wait for its end. Raises ArgumentError for a shell that is not POSIX."""
        shell = tuple(work.args["shell"].split())
        if not shell or shell[0].rpartition("/")[2] not in _POSIX:
            raise ArgumentError(
                f"shell {work.args['shell']!r} is not a POSIX shell",
                hint="script.run takes any interpreter: {script: …, interpreter: python3}",
            )
        return await run_process(
            work, (*shell, "-c", _READ_ALL_FIRST), stdin=work.args["script"].encode()
        )
