"""A connector for unit tests: real processes and files of this machine, nothing supervised."""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from runyard.model.action import Action, Work
from runyard.model.connector import FileStat, Put
from runyard.model.errors import NotFoundError, SystemFault
from runyard.model.execution import Exec, Exit
from runyard.model.progress import Progress
from runyard.model.result import Outcome
from runyard.runners.params import resolve_args


class FakeConnector:
    """Runs what it is given with asyncio; keeps every Exec in `seen`."""

    def __init__(self, env: dict[str, str] | None = None) -> None:
        self.seen: list[Exec] = []
        self.env = {"PATH": os.environ["PATH"]} | (env or {})
        self.answer: Exit | None = None
        self.running = asyncio.Event()

    async def connect(self) -> None:
        pass

    async def perform(self, action: str, work: object) -> None:
        return None

    async def close(self, *, done: bool = False) -> None:
        pass

    async def recall(self, attempt: str) -> bool:
        return False

    async def exec(self, work: Exec) -> Exit:
        self.seen.append(work)
        if self.answer is not None:
            return self.answer
        started = time.time()
        try:
            process = await asyncio.create_subprocess_exec(
                *work.argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**self.env, **work.env},
                cwd=work.cwd,
            )
        except OSError as error:
            return Exit(None, None, "start-failed", error=f"{error.strerror}: {work.argv[0]}")
        ended_by = "exit"
        talk = asyncio.ensure_future(process.communicate(work.stdin or b""))
        self.running.set()
        try:
            await asyncio.wait_for(asyncio.shield(talk), work.timeout)
        except TimeoutError:
            ended_by = "timeout"
            process.kill()
        except asyncio.CancelledError:
            ended_by = "cancel"
            process.terminate()
            try:
                await asyncio.shield(talk)
            except asyncio.CancelledError:
                process.kill()
        out, err = await talk
        code = process.returncode
        assert code is not None
        return Exit(
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            ended_by=f"signal:{-code}" if code < 0 and ended_by == "exit" else ended_by,
            stdout=out.decode(),
            stderr=err.decode(),
            stdout_bytes=len(out),
            stderr_bytes=len(err),
            started_at=started,
            ended_at=time.time(),
        )

    async def put(
        self,
        data: bytes | Path,
        dest: str,
        *,
        mode: int | None = None,
        owner: str | None = None,
        progress: Progress | None = None,
    ) -> Put:
        if isinstance(data, Path):
            data = data.read_bytes()
        path = Path(dest)
        if path.is_dir():
            raise SystemFault(f"{path}: is a directory")
        digest = hashlib.sha256(data).hexdigest()
        same = path.exists() and path.read_bytes() == data
        same = same and (mode is None or path.stat().st_mode & 0o7777 == mode)
        if not same:
            path.write_bytes(data)
            if mode is not None:
                path.chmod(mode)
        return Put(changed=not same, sha256=digest, size=len(data))

    async def get(self, src: str) -> AsyncIterator[bytes]:
        try:
            data = Path(src).read_bytes()
        except FileNotFoundError:
            raise NotFoundError(f"no such file: {src}") from None
        for at in range(0, len(data), 1000):
            yield data[at : at + 1000]

    async def stat(self, path: str, *, digest: bool = False) -> FileStat | None:
        file = Path(path)
        if not file.exists():
            return None
        info = file.stat()
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest() if digest and file.is_file() else ""
        kind = "file" if file.is_file() else "dir"
        return FileStat(kind, info.st_size, info.st_mode & 0o7777, "me", info.st_mtime, sha256)

    async def probe(self) -> dict[str, str]:
        facts = {"os": platform.system(), "hostname": platform.node()}
        for name in ("apt-get", "systemctl", "sh"):
            if found := shutil.which(name):
                facts[f"has.{name}"] = found
        return facts


def do(action: Action, args: dict[str, Any], connector: Any = None, **more: Any) -> Outcome:
    """Run `action` once with checked arguments."""

    async def go() -> Outcome:
        way = connector or FakeConnector()
        work = Work(
            attempt="run-00000001/step/here/1",
            host="here",
            connector=way,
            args=resolve_args(action.params, args),
            **more,
        )
        return await action.run(work)

    return asyncio.run(go())
