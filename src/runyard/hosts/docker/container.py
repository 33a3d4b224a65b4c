"""Commands inside a container that runs: `docker exec`, with its errors in our words."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runyard.hosts.inventory import Host
from runyard.model.errors import (
    ConflictError,
    NetworkError,
    NotFoundError,
    RunyardError,
    SystemFault,
    UsageError,
)
from runyard.runners.docker.daemon import address_here, ask, connect

if TYPE_CHECKING:
    from aiodocker import Docker
    from aiodocker.execs import Exec
    from aiodocker.stream import Stream

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_ABSENT = re.compile("executable file not found|no such file|permission denied|exec format")


class Container:
    """One container at this machine's daemon, used as `user` ("" is the container's own).

    Nothing is connected before the first command.
    """

    def __init__(self, host: str, name: str, user: str = "") -> None:
        self.host = host
        self.name = name
        self.user = user
        self._docker: Docker | None = None

    @property
    def half_closes(self) -> bool:
        """True when the end of stdin can be told: not where TLS is in between."""
        return not self._connected().docker_host.startswith("https")

    async def start(
        self, argv: Sequence[str], *, stdin: bool, env: Mapping[str, str] | None = None
    ) -> tuple[Exec, Stream]:
        """Start a command; its stream is open, and to be closed.

        Raises:
            NetworkError: the container does not run now, or the daemon cannot be reached.
            NotFoundError: `CONTAINER`: there is no such container.
            SystemFault: the command cannot be started in it, or the daemon may not be asked.
        """
        what = f"{self.host}: cannot work in the container {self.name}"
        container = self._connected().containers.container(self.name)
        making = container.exec(
            list(argv), stdin=stdin, user=self.user, environment=dict(env) if env else None
        )
        try:
            made = await ask(making, what)
            stream = made.start()
            try:
                await ask(stream.__aenter__(), what)
            except BaseException:
                await stream.close()
                raise
        except ConflictError as error:  # stopped, paused, restarting
            raise self._stopped(error.message) from error
        except NotFoundError as error:
            raise NotFoundError(
                error.message,
                code="CONTAINER",
                hint="`docker ps -a` lists the containers of this machine",
            ) from error
        return made, stream

    async def failure(self, command: Exec, said: str) -> RunyardError | None:
        """Why a command that has ended was not started; None when it was.

        The daemon tells so on the command's stdout, which was `said`.
        """
        found = await ask(command.inspect(), f"{self.host}: cannot look at a command")
        if found.get("Pid") or found.get("Running"):
            return None
        return self._refused(said)

    async def close(self) -> None:
        """Let go of the daemon. Idempotent; another command connects again."""
        docker, self._docker = self._docker, None
        if docker is not None:
            await docker.close()

    def _connected(self) -> Docker:
        if self._docker is None:
            self._docker = connect(address_here(os.environ))
        return self._docker

    def _stopped(self, said: str) -> NetworkError:
        what = f"{self.host}: the container {self.name}"
        if "is paused" in said:
            text, hint = f"{what} is paused", f"docker unpause {self.name}"
        elif "is not running" in said:
            text, hint = f"{what} does not run", f"docker start {self.name}"
        else:
            text, hint = said, ""
        return NetworkError(text, code="CONTAINER_STOPPED", hint=hint or None)

    def _refused(self, said: str) -> RunyardError:
        words = said.strip().rpartition("exec failed: ")[2].removesuffix(": unknown")
        if self.user and "unable to find user" in words:
            return SystemFault(
                f"become: cannot act as {self.user} in the container {self.name}: {words}",
                code="BECOME",
                hint="a name must be in its /etc/passwd; a number need not be",
                retryable=False,
            )
        if _ABSENT.search(words):
            return SystemFault(
                f"{self.host}: the container {self.name} runs no command of ours: {words}",
                code="NO_SHELL",
                hint="a shell (sh) is needed in it",
                retryable=False,
            )
        # It is just being stopped or started, and may come back.
        return NetworkError(
            f"{self.host}: cannot work in the container {self.name}: {words}",
            code="CONTAINER_STOPPED",
        )


def container_of(host: Host, user: str) -> Container:
    """The container that `docker://NAME` names. Raises UsageError, `ADDRESS`."""
    name = host.address.partition("://")[2].rstrip("/")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f'host {host.name}: "{host.address}" does not name a container',
            code="ADDRESS",
            hint="such as docker://web-1: the name or id of a container of this machine",
        )
    return Container(host.name, name, user)
