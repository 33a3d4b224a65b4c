"""A scripted host in memory: what the engine's tests run against, and what a plugin's may."""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
import shlex
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import field, replace
from pathlib import Path

from runyard.model.action import Work
from runyard.model.connector import FileStat, Put
from runyard.model.errors import NetworkError, NotFoundError
from runyard.model.execution import Exec, Exit
from runyard.model.light import dataclass
from runyard.model.progress import Progress
from runyard.model.result import Outcome

PART = 4096
"""Bytes of a part of `get`: little, so that a test has several."""

SUCCESS = Exit(exit_code=0, signal=None, ended_by="exit")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a scripted execution comes to.

    Attributes:
        exit: returned after `delay` seconds; its times are filled in. A callable makes it.
        delay: seconds of pretended work; `float("inf")` runs until it is cancelled.
        drops: how often the connection breaks (NetworkError) before the exit is delivered; the
            work goes on, and the next `exec` of the same attempt attaches to it.
        unreachable: how often the host cannot be reached at all: nothing is started.
        stubborn: ignores a cancellation until the grace is over or it is cancelled again.
    """

    exit: Exit | Callable[[Exec], Exit] = SUCCESS
    delay: float = 0.0
    drops: int = 0
    unreachable: int = 0
    stubborn: bool = False


def exits(code: int = 0, stdout: str = "", stderr: str = "", **more: object) -> Exit:
    """An exit by itself with `code`."""
    base = Exit(
        exit_code=code,
        signal=None,
        ended_by="exit",
        stdout=stdout,
        stderr=stderr,
        stdout_bytes=len(stdout.encode()),
        stderr_bytes=len(stderr.encode()),
    )
    return replace(base, **more)  # type: ignore[arg-type]


@dataclass(slots=True)
class _Running:
    work: Exec
    answer: Answer
    started_at: float
    ended: asyncio.Future[Exit]
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class DummyConnector:
    """Implements `Connector` without processes.

    `script(pattern, *answers)` decides: the pattern is matched (as a file name pattern) against
    the attempt id and against the command line as a shell would write it; the first matching
    script gives its answers one after the other to new attempts, the last one for ever. Without
    a script everything succeeds. `files` is the host's file system; `started` lists every real
    start in order, so that a test can see that none happened twice.
    """

    name: str = "dummy"
    files: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=lambda: {"os": "dummy", "hostname": "dummy"})
    started: list[Exec] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    connects: int = 0
    unreachable: int = 0
    _modes: dict[str, tuple[int, str]] = field(default_factory=dict)
    _scripts: list[tuple[str, list[Answer]]] = field(default_factory=list)
    _attempts: dict[str, _Running] = field(default_factory=dict)
    _drops: dict[str, int] = field(default_factory=dict)
    _misses: dict[str, int] = field(default_factory=dict)

    def script(self, pattern: str, *answers: Answer | Exit) -> None:
        """Answer new attempts that match `pattern` with `answers`, the last one again and again."""
        made = [Answer(exit=a) if isinstance(a, Exit) else a for a in answers]
        self._scripts.append((pattern, made or [Answer()]))

    def starts(self, pattern: str = "*") -> int:
        """How many attempts whose id matches `pattern` were really started."""
        return sum(fnmatch.fnmatchcase(work.attempt, pattern) for work in self.started)

    async def connect(self) -> None:
        self.connects += 1
        if self.unreachable > 0:
            self.unreachable -= 1
            raise NetworkError(f"{self.name}: scripted to be unreachable")

    async def perform(self, action: str, work: Work) -> Outcome | None:
        return None

    async def socket(self, path: str) -> str:
        return path

    async def close(self, *, done: bool = False) -> None:
        return None

    async def exec(self, work: Exec) -> Exit:
        self.asked.append(work.attempt)
        running = self._attempts.get(work.attempt) or self._start(work)
        if self._drops.get(work.attempt, 0) > 0:
            self._drops[work.attempt] -= 1
            await asyncio.sleep(0)
            raise NetworkError(f"{self.name}: scripted to drop the connection")
        cancels = 0
        while True:
            try:
                return await asyncio.shield(running.ended)
            except asyncio.CancelledError:
                cancels += 1
                self._cancel(running, at_once=cancels > 1)

    async def recall(self, attempt: str) -> bool:
        return attempt in self._attempts

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
            data = await asyncio.to_thread(data.read_bytes)
        old_mode, old_owner = self._modes.get(dest, (0o644, "dummy"))
        new = (old_mode if mode is None else mode, old_owner if owner is None else owner)
        changed = self.files.get(dest) != data or new != (old_mode, old_owner)
        self.files[dest] = data
        self._modes[dest] = new
        return Put(changed=changed, sha256=hashlib.sha256(data).hexdigest(), size=len(data))

    async def get(self, src: str) -> AsyncIterator[bytes]:
        if src not in self.files:
            raise NotFoundError(f"{src}: no such file", code="FILE")
        data = self.files[src]
        for at in range(0, len(data), PART):
            yield data[at : at + PART]

    async def stat(self, path: str, *, digest: bool = False) -> FileStat | None:
        data = self.files.get(path)
        if data is None:
            return None
        mode, owner = self._modes.get(path, (0o644, "dummy"))
        sha256 = hashlib.sha256(data).hexdigest() if digest else ""
        return FileStat("file", len(data), mode, owner, 0.0, sha256)

    async def probe(self) -> dict[str, str]:
        return dict(self.facts)

    def _start(self, work: Exec) -> _Running:
        answer = self._answer(work)
        misses = self._misses.setdefault(work.attempt, answer.unreachable)
        if misses > 0:
            self._misses[work.attempt] = misses - 1
            raise NetworkError(f"{self.name}: scripted to be unreachable")
        self._advance(work)
        self.started.append(work)
        self._drops[work.attempt] = answer.drops
        loop = asyncio.get_running_loop()
        running = _Running(work, answer, time.time(), loop.create_future())
        self._attempts[work.attempt] = running
        delay, result = answer.delay, answer.exit
        if work.timeout is not None and work.timeout < delay:
            delay, result = work.timeout, Exit(None, 15, "timeout")
        end = result if isinstance(result, Exit) else result(work)
        if delay != float("inf"):
            running.timer = loop.call_later(delay, self._finish, running, end)
        return running

    def _answer(self, work: Exec) -> Answer:
        answers = self._matching(work)
        return answers[0] if answers else Answer()

    def _advance(self, work: Exec) -> None:
        answers = self._matching(work)
        if len(answers) > 1:
            answers.pop(0)

    def _matching(self, work: Exec) -> list[Answer]:
        line = shlex.join(work.argv)
        for pattern, answers in self._scripts:
            if any(fnmatch.fnmatchcase(text, pattern) for text in (work.attempt, line)):
                return answers
        return []

    def _cancel(self, running: _Running, *, at_once: bool) -> None:
        if running.ended.done():
            return
        if running.timer is not None:
            running.timer.cancel()
        stubborn = running.answer.stubborn
        wait = running.work.grace if stubborn and not at_once else 0.0
        end = Exit(None, 9 if stubborn else 15, "cancel")
        loop = asyncio.get_running_loop()
        running.timer = loop.call_later(wait, self._finish, running, end)

    def _finish(self, running: _Running, end: Exit) -> None:
        if not running.ended.done():
            running.ended.set_result(
                replace(end, started_at=running.started_at, ended_at=time.time())
            )
