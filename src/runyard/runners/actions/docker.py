"""docker.run: a command in a container of its own."""

from __future__ import annotations

import asyncio

from runyard.model.action import Param, Work
from runyard.model.result import Outcome
from runyard.runners.outcome import outcome_of
from runyard.runners.params import OUTPUT

_SHARED = ("env", "export_vars", "max_output_bytes")


class DockerRun:
    """Creates a container, waits for its end, and removes it.

    The daemon is that of the host: here the one that `docker` would use (`DOCKER_HOST`, contexts),
    over SSH the one at `/var/run/docker.sock` there. A text as `command` is a line for `/bin/sh`
    in the container, in place of the image's entrypoint; a list is given to the entrypoint, as
    by `docker run`. Variables are in the environment of the container.
    """

    name = "docker.run"
    summary = "Run a command in a container"
    params = (
        Param("image", "string", "the image: a name, with a tag or digest", required=True),
        Param(
            "command",
            "command",
            "shell line(s), or a list: the program and its arguments (default: the image's)",
        ),
        Param(
            "args",
            "strings",
            "more arguments, after the command's; `command` is then a program, not shell text",
            default=(),
        ),
        Param("entrypoint", "strings", "in place of the image's"),
        Param(
            "volumes",
            "strings",
            "`/on/the/host:/in/it` or `NAME:/in/it`, with `:ro` read-only",
            default=(),
        ),
        Param("workdir", "string", "directory in the container (default: the image's)"),
        Param("user", "string", "user, or UID:GID, in the container (default: the image's)"),
        Param("network", "string", "its network: `none`, `host`, `bridge`, or a name"),
        Param("memory", "size", "the most memory it may use, without swap (default: `limits`)"),
        Param("cpus", "float", "how many processors it may use, such as 0.5"),
        Param(
            "pull",
            "string",
            "when to get the image from its registry",
            default="missing",
            choices=("missing", "always", "never"),
        ),
        Param("init", "bool", "have a small init pass signals on and reap orphans", default=True),
        *(param for param in OUTPUT if param.name in _SHARED),
    )
    idempotent = False
    supervised = True

    async def run(self, work: Work) -> Outcome:
        """See the attempt's container through: start it, or take it up where it stands.

        Cancellation stops it with the grace, a second one kills it; either way it is removed and
        its true outcome returned. Raises ArgumentError, SystemFault and NetworkError when it could
        not be started, HostLost when the daemon was lost while it may have run.
        """
        from runyard.runners.docker.life import Life

        done = await work.connector.perform(self.name, work)
        if done is not None:
            return done
        life = Life(work)
        task = asyncio.ensure_future(life.run())
        while True:
            try:
                exit, data = await asyncio.shield(task)
            except asyncio.CancelledError:
                if task.done():
                    raise
                life.cancel()
            else:
                outcome = outcome_of(exit, timeout=work.timeout, changed=bool(data))
                return outcome.but(data=data)
