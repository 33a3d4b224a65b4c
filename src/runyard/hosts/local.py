"""This machine as a host: its supervisor starts, owns and ends the processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from runyard.hosts import hung, launch
from runyard.hosts.client import Client
from runyard.hosts.order import Order
from runyard.hosts.past import Past
from runyard.hosts.supervised import see_through, start_spec
from runyard.model.action import Work
from runyard.model.connector import FileStat, Put
from runyard.model.errors import NetworkError, RunyardError
from runyard.model.execution import Exec, Exit
from runyard.model.progress import Progress
from runyard.model.result import Outcome
from runyard.store.spool import spool_path
from runyard.supervisor.lost import EXITS

JOIN_TRIES = 50


class LocalConnector:
    """Implements `Connector` for the machine we run on.

    One supervisor per `owner` and state directory: `connect` starts it, or joins the one that a
    dead process of the same owner has left behind. Output is not streamed through it: readers
    follow the spools below `home_dir/runs/RUN/output`. `environment` is added to the allow-listed
    one of the supervisor, if it is this connector that starts it; with `rooted` it keeps below
    `home_dir` the output of those as well who do not say where theirs goes. `cwd` is where work
    starts and what relative paths are relative to; by default the directory that we stand in.
    """

    def __init__(
        self,
        home_dir: Path,
        owner: str,
        epoch: int = 1,
        *,
        environment: Mapping[str, str] | None = None,
        cwd: str = "",
        rooted: bool = False,
    ) -> None:
        self._home = home_dir
        self._root = home_dir if rooted else None
        self._owner = owner
        self._epoch = epoch
        self._environment = environment
        self._cwd = cwd or here()
        self._client: Client | None = None
        self._past = Past("")
        self._folders: dict[str, Path] = {}  # of output, by run
        self._verdicts: dict[str, str] = {}  # why we have killed a supervisor
        self._joining: asyncio.Task[Client] | None = None
        self._closed = False

    @property
    def supervisor_pid(self) -> int:
        """Process id of the supervisor, 0 before `connect`."""
        return self._client.pid if self._client is not None else 0

    async def connect(self) -> None:
        await self.reach()

    async def perform(self, action: str, work: Work) -> Outcome | None:
        return None

    async def socket(self, path: str) -> str:
        return path

    async def close(self, *, done: bool = False) -> None:
        self._closed = True
        if self._joining is not None and not self._joining.done():
            self._joining.cancel()
            await asyncio.wait([self._joining])
        if self._client is not None:
            await self._client.close()

    async def exec(self, work: Exec) -> Exit:
        return await see_through(self, work)

    async def recall(self, attempt: str) -> bool:
        client = await self.reach()
        try:
            header = {"verb": "list", "attempt": attempt}
            reply, _ = await asyncio.wait_for(client.call(header), hung.HELLO)
        except TimeoutError:
            raise hung.silent(client.pid, "") from None
        if reply["live"] or reply["ended"]:
            return True
        return self._past.knows(self._folder(attempt), attempt)

    async def put(
        self,
        data: bytes | Path,
        dest: str,
        *,
        mode: int | None = None,
        owner: str | None = None,
        progress: Progress | None = None,
    ) -> Put:
        from runyard.hosts import local_files

        return await local_files.put(data, self._absolute(dest), mode, owner, progress)

    def get(self, src: str) -> AsyncIterator[bytes]:
        from runyard.hosts import local_files

        return local_files.get(self._absolute(src))

    async def stat(self, path: str, *, digest: bool = False) -> FileStat | None:
        from runyard.hosts import local_files

        return await local_files.stat(self._absolute(path), digest)

    async def probe(self) -> dict[str, str]:
        from runyard.hosts import local_files

        return await local_files.probe()

    # -- inside -------------------------------------------------------------------------------

    @property
    def client(self) -> Client | None:
        return self._client

    @property
    def closed(self) -> bool:
        return self._closed

    def knows_early(self, work: Exec) -> bool:
        return self._past.knows(self._folder(work.attempt), work.attempt)

    async def early(self, work: Exec) -> Exit | None:
        """What files tell of an attempt that an earlier supervisor started; it may be lost."""
        folder = self._folder(work.attempt)
        ended = self._past.exit_of(folder, work.attempt)
        if ended is None and self._past.knows(folder, work.attempt):
            spool = spool_path(folder, work.attempt)
            why = self._verdicts.get(self._past.supervisor_of(work.attempt), "")
            return await asyncio.to_thread(self._past.lose, folder, work.attempt, spool, why)
        return ended

    async def reach(self) -> Client:
        """The client, connected; callers at the same time share one attempt to connect."""
        if self._client is not None and self._client.connected:
            return self._client
        if self._joining is None or self._joining.done():
            self._joining = asyncio.ensure_future(self._join())
        return await asyncio.shield(self._joining)

    async def rejoin(self, order: Order) -> Client:
        return await self.reach()

    def ended(self, work: Exec, exit: Exit) -> Exit:
        return exit

    async def _join(self) -> Client:
        for _ in range(JOIN_TRIES):
            try:
                return await self._join_once()
            except NetworkError:  # it was about to end just when we came
                await asyncio.sleep(0.02)
        return await self._join_once()

    async def _join_once(self) -> Client:
        path = launch.socket_path(self._home, self._owner)
        environment = launch.base_environment(self._environment)
        sock, child = launch.join(path, self._owner, environment, self._root)
        _, client = await asyncio.get_running_loop().create_unix_connection(Client, sock=sock)
        spoken = False
        try:
            await asyncio.wait_for(client.hello(self._owner, self._epoch), hung.HELLO)
            spoken = True
        except TimeoutError:
            error = hung.silent(hung.listener(sock, path), f" at {path}")
            client.abandon(error)
            raise error from None
        except RunyardError:
            spoken = True
            await client.close()
            raise
        except BaseException:
            client.abandon(NetworkError("not connected"))
            raise
        finally:
            if child:  # it ends before the supervisor speaks
                os.waitpid(child, 0 if spoken else os.WNOHANG)  # noqa: ASYNC222
        self._past = Past(client.incarnation)
        self._client = client
        return client

    async def give_up(self, client: Client) -> None:
        """Kill a supervisor that does not answer; who waits for it finds its attempts lost."""
        if not client.connected:
            return
        if await asyncio.shield(asyncio.to_thread(hung.end, client.pid, client.started)):
            why = f"the supervisor (pid {client.pid}) did not answer and was killed"
            self._verdicts[client.incarnation] = why
            client.abandon(NetworkError(why))
        else:
            client.abandon(hung.silent(client.pid, ", and cannot be killed from here"))

    def _folder(self, attempt: str) -> Path:
        run = attempt.partition("/")[0]
        if run not in self._folders:
            self._folders[run] = self._home / "runs" / run / "output"
        return self._folders[run]

    def _absolute(self, path: str) -> str:
        return os.path.join(self._cwd, os.path.expanduser(path))

    def seen(self, work: Exec) -> bool:
        return False  # `early` knows

    def spec(self, work: Exec) -> dict[str, Any]:
        folder = self._folder(work.attempt)
        return {
            **start_spec(work),
            "cwd": self._absolute(work.cwd) if work.cwd else self._cwd,
            "spool": str(spool_path(folder, work.attempt)),
            "exits": f"{folder}/{EXITS}",
        }


def here() -> str:
    """The directory that we stand in, or our home when somebody has removed it."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return os.path.expanduser("~")
