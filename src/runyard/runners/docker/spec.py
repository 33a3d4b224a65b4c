"""The container that an attempt asks for, in the words of the daemon's API."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from runyard.model.action import Work
from runyard.model.errors import ArgumentError
from runyard.runners.docker.mark import Mark
from runyard.runners.process import as_env

# Every byte of both streams is kept until the result is safe: it is read again when a connection
# breaks. No other driver of logs keeps bytes as they are; what the size is bounded by is
# `limits.output`.
_LOG = {
    "Type": "local",
    "Config": {"max-size": "1000g", "max-file": "1", "compress": "false"},
}
_SHELL = ("/bin/sh", "-c")


def config(work: Work, mark: Mark) -> dict[str, Any]:
    """What to create for `work`.

    Raises:
        ArgumentError: arguments that do not fit together, or cannot be meant so.
    """
    args, limits = work.args, work.limits
    memory = args["memory"] if args["memory"] is not None else limits.memory
    host: dict[str, Any] = {
        "LogConfig": _LOG,
        # Without one SIGTERM does not reach a program that is the first of its container, and
        # nobody waits for orphans.
        "Init": args["init"],
    }
    if volumes := [check_volume(text) for text in args["volumes"]]:
        host["Binds"] = volumes
    if args["network"] is not None:
        host["NetworkMode"] = args["network"]
    if memory is not None:
        host["Memory"] = host["MemorySwap"] = int(memory)
    if args["cpus"] is not None:
        if args["cpus"] <= 0:
            raise ArgumentError("cpus must be above 0", hint="such as 0.5 or 2")
        host["NanoCpus"] = round(args["cpus"] * 1_000_000_000)
    if limits.processes is not None:
        host["PidsLimit"] = limits.processes
    if limits.open_files is not None:
        bound = {"Name": "nofile", "Soft": limits.open_files, "Hard": limits.open_files}
        host["Ulimits"] = [bound]
    made: dict[str, Any] = {
        "Image": args["image"],
        "Labels": mark.labels(),
        "Env": environment(work.env, args["env"]),
        "HostConfig": host,
        **command(args),
    }
    if args["user"] is not None:
        made["User"] = args["user"]
    if args["workdir"] is not None:
        made["WorkingDir"] = args["workdir"]
    return made


def command(args: Mapping[str, Any]) -> dict[str, Any]:
    """`Entrypoint` and `Cmd`: a text for a shell, or a program and its arguments without one.

    A text replaces the entrypoint of the image, which would not take it for a shell's; a list is
    given to the entrypoint, as by `docker run`.
    """
    program, more = args["command"], list(args["args"])
    made: dict[str, Any] = {}
    if args["entrypoint"] is not None:
        made["Entrypoint"] = list(args["entrypoint"])
    if program is None:
        return {**made, "Cmd": more} if more else made
    if not isinstance(program, str):
        return {**made, "Cmd": [*program, *more]}
    if more:
        if "${" in program:
            raise ArgumentError(
                "command with args is a program, not a line for a shell",
                hint="write both as one list: command: [PROGRAM, ARGUMENT, …]",
            )
        return {**made, "Cmd": [program, *more]}
    if args["entrypoint"] is not None:
        return {**made, "Cmd": [*_SHELL, program]}
    return {"Entrypoint": list(_SHELL), "Cmd": [program]}


def environment(scope: Mapping[str, str], own: Mapping[str, Any]) -> list[str]:
    """Every variable in scope, then the step's own over it; nothing of this machine's."""
    return [f"{name}={value}" for name, value in {**scope, **as_env(own)}.items()]


def check_volume(text: str) -> str:
    """`SOURCE:TARGET[:OPTIONS]` with `~` filled in.

    Raises:
        ArgumentError: it is not, or SOURCE is relative: to what, on the daemon's machine?
    """
    hint = "write /path/on/the/host:/path/in/it, or NAME:/path for a volume; :ro makes it read-only"
    source, colon, rest = text.partition(":")
    source = os.path.expanduser(source)
    target = rest.partition(":")[0]
    if not source or (colon and not target.startswith("/")):
        raise ArgumentError(f"volumes: {text!r} is no volume", code="VOLUME", hint=hint)
    if "/" in source and not source.startswith("/"):
        raise ArgumentError(
            f"volumes: {source!r} is relative; a path begins with /", code="VOLUME", hint=hint
        )
    return f"{source}:{rest}" if rest else source
