"""A shell of this machine for the plain connector, as a host with nothing but `sh` would give."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from runyard.hosts.shell import OnOutput
from runyard.model.errors import HostLost, NetworkError

SHELLS = [name for name in ("dash", "bash", "busybox") if shutil.which(name)]


def tools(folder: Path, shell: str) -> str:
    """A PATH with a `sh` that is `shell`; that of busybox has nothing but its applets."""
    place = folder / "tools"
    place.mkdir(exist_ok=True)
    found = shutil.which(shell)
    assert found is not None
    if shell != "busybox":
        (place / "sh").symlink_to(found)
        return f"{place}:{os.environ['PATH']}"
    applets = subprocess.run([found, "--list"], capture_output=True, text=True, check=True)
    for name in applets.stdout.split():
        (place / name).symlink_to(found)
    return str(place)


class LocalShell:
    """Implements `Shell`. `cut` leaves all commands alone, which go on; `absent` starts none."""

    def __init__(self, home: Path, path: str, *, raw: bool = True, noise: str = "") -> None:
        self.absent = False
        self.argvs: list[Sequence[str]] = []
        self._raw = raw
        self._env = {"HOME": str(home), "PATH": path}
        self._noise = noise
        self._cuts: list[asyncio.Future[None]] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def raw(self) -> bool:
        return self._raw

    async def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: bytes | None,
        on_output: OnOutput,
    ) -> None:
        if self.absent:
            raise NetworkError("the host is not there")
        assert stdin is None if not self._raw else not env
        self.argvs.append(argv)
        process = subprocess.Popen(
            argv,
            executable=shutil.which(argv[0], path=self._env["PATH"]),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**self._env, **env},
            cwd="/",
            start_new_session=True,
        )
        self._processes.append(process)
        if self._noise:
            on_output(1, self._noise.encode())
        loop = asyncio.get_running_loop()
        cut: asyncio.Future[None] = loop.create_future()
        self._cuts.append(cut)
        talk = asyncio.ensure_future(self._talk(process, stdin or b"", on_output))
        try:
            await asyncio.wait([talk, cut], return_when=asyncio.FIRST_COMPLETED)
            if cut.done():
                raise HostLost("the connection was cut")
            await talk
            while process.poll() is None:
                await asyncio.sleep(0.005)
        finally:
            talk.cancel()
            self._cuts.remove(cut)
            try:
                await asyncio.wait([talk])
            finally:  # cancelled once more
                for pipe in (process.stdin, process.stdout, process.stderr):
                    if pipe is not None:
                        pipe.close()

    async def _talk(
        self, process: subprocess.Popen[bytes], stdin: bytes, on_output: OnOutput
    ) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(process.stdout, 1, on_output))
            group.create_task(self._read(process.stderr, 2, on_output))
            group.create_task(self._write(process.stdin, stdin))

    def cut(self) -> None:
        """Break every connection that there is."""
        for cut in self._cuts:
            cut.set_result(None)

    async def close(self) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    async def _read(self, pipe: object, stream: int, on_output: OnOutput) -> None:
        fd = pipe.fileno()  # type: ignore[attr-defined]
        while True:
            await _ready(fd, asyncio.get_running_loop().add_reader)
            data = os.read(fd, 65536)
            if not data:
                return
            on_output(stream, data if self._raw else data.decode(errors="replace").encode())

    async def _write(self, pipe: object, data: bytes) -> None:
        if pipe is None:
            return
        fd = pipe.fileno()  # type: ignore[attr-defined]
        os.set_blocking(fd, False)
        view = memoryview(data)
        while view:
            await _ready(fd, asyncio.get_running_loop().add_writer)
            try:
                view = view[os.write(fd, view) :]
            except BrokenPipeError:
                break
        pipe.close()  # type: ignore[attr-defined]


async def _ready(fd: int, watch: object) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    watch(fd, lambda: None if ready.done() else ready.set_result(None))  # type: ignore[operator]
    try:
        await ready
    finally:
        loop.remove_reader(fd)
        loop.remove_writer(fd)
