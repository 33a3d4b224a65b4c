"""script.run: a script in any language."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from runyard.model.action import Param, Work
from runyard.model.result import Outcome
from runyard.runners.files import read_local
from runyard.runners.params import OUTPUT
from runyard.runners.process import run_process

# The script arrives on stdin and waits in a private directory while its interpreter runs: some
# read it twice or go by its name, and Python puts its directory first in the import path. It is
# removed on every way out but SIGKILL; a signal for the tree reaches the interpreter as well,
# so the shell only has to outlive it.
_KEEP = """u=$(umask); umask 077
d=$(command -p mktemp -d "${TMPDIR:-/tmp}/runyard-XXXXXXXX") || exit 125
trap 'command -p rm -rf "$d"' EXIT
trap : HUP INT TERM
command -p cat >"$d/script" || exit 125
umask "$u"
"""


def keep_and_run(interpreter: tuple[str, ...], args: tuple[str, ...]) -> tuple[str, ...]:
    """argv of a shell that keeps its stdin in a file while `interpreter FILE args` runs."""
    words = range(1, len(interpreter) + 1)
    take = " ".join(f"i{n}=${{{n}}}" for n in words)
    call = " ".join(f'"$i{n}"' for n in words)
    text = f'{_KEEP}{take}\nshift {len(interpreter)}\n{call} "$d/script" "$@"'
    return ("/bin/sh", "-c", text, "sh", *interpreter, *args)


def shebang(script: bytes) -> tuple[str, ...]:
    """The words of the script's `#!` line, or nothing."""
    first = script.partition(b"\n")[0]
    if not first.startswith(b"#!"):
        return ()
    return tuple(first[2:].decode(errors="replace").split())


class ScriptRun:
    """An inline `script`, or a file at `path`, with an interpreter and arguments.

    The interpreter is the one given, else the script's `#!` line, else `/bin/sh`. An absolute
    `path` is a file of the host; a relative one lies beside the workflow and is sent along.
    """

    name = "script.run"
    summary = "Run a script in any language"
    params: tuple[Param, ...] = (
        Param(
            "script",
            "text",
            "the script itself; other languages than shell read variables from the environment",
            one_of="script or path",
        ),
        Param(
            "path",
            "string",
            "a script file: absolute on the host, relative beside the workflow",
            one_of="script or path",
        ),
        Param("interpreter", "string", "program that runs it, options may follow"),
        Param("args", "strings", "arguments for the script", default=()),
        *OUTPUT,
    )
    idempotent = False
    supervised = True

    async def run(self, work: Work) -> Outcome:
        """Start it and wait for its end. Raises NotFoundError for a relative path that is none."""
        args = work.args
        interpreter = tuple((args["interpreter"] or "").split())
        path = args["path"]
        if path is not None and path.startswith("/"):
            return await run_process(work, (*interpreter, path, *args["args"]))
        if path is not None:
            script = await asyncio.to_thread(read_local, work.base / path)
        else:
            script = args["script"].encode()
        interpreter = interpreter or shebang(script) or ("/bin/sh",)
        return await run_process(work, keep_and_run(interpreter, args["args"]), stdin=script)


def _by_default(interpreter: str) -> tuple[Param, ...]:
    return tuple(
        replace(param, default=interpreter) if param.name == "interpreter" else param
        for param in ScriptRun.params
    )


class ShellScript(ScriptRun):
    """script.shell: script.run whose interpreter is `/bin/sh`."""

    params = _by_default("/bin/sh")


class PythonScript(ScriptRun):
    """script.python: script.run whose interpreter is `python3`."""

    params = _by_default("python3")
