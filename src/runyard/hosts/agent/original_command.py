"""What an original agent is given: a task of `cmd.run`, and nothing secret in a command line."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from runyard.model.errors import ArgumentError

_PIECE = 96 * 1024
_MOST = 1 << 20


def command(
    run_id: str,
    task_id: str,
    host: str,
    step: str,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | None = None,
    stdin: bytes | None = None,
    exports: bool = False,
    output_path: str | None = None,
) -> dict[str, Any]:
    """A task of `cmd.run`. Values go by environment alone, the argv as quoted words.

    Raises:
        ArgumentError: stdin is more than an environment can carry.
    """
    text, env = f"exec {shlex.join(argv)}", dict(env)
    if stdin is not None:
        pieces = _pieces(stdin)
        env.update(pieces)
        # printf is the shell's own: what it writes is in nobody's argv.
        whole = "".join(f'"${name}"' for name in pieces)
        forget = f"unset {' '.join(pieces)}; " if pieces else ""
        text = f'printf %s ""{whole} | base64 -d | ( {forget}{text} )'
    args: dict[str, Any] = {"cmd": text, "env": env}
    if cwd is not None:
        args["dir"] = cwd
    if exports:
        args["export_vars"] = True
    if output_path is not None:
        args["output_path"] = output_path
    return {
        "ID": task_id,
        "RunID": run_id,
        "Step": {"name": step, "action": "cmd.run", "args": args},
        "Host": {"Name": host, "Address": "", "Vars": {}, "Groups": []},
        "Vars": env,
    }


def _pieces(data: bytes) -> dict[str, str]:
    if len(data) > _MOST:
        raise ArgumentError(
            f"stdin has {len(data)} bytes; an original agent is given at most 1 MiB",
            hint="start `runyard agent` there",
        )
    text = base64.b64encode(data).decode()
    parts = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
    return {f"RUNYARD_STDIN_{n}": part for n, part in enumerate(parts)}
