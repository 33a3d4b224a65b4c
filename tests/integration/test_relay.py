"""The relay by itself, as a child with pipes: whom it waits for, and whom not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runyard.hosts.launch import program
from runyard.supervisor.frames import Decoder, encode
from tests.integration.yards import alive

RUN = "run-00000001"


class Relay:
    """A relay with frames over its pipes."""

    def __init__(self, home: Path, idle: float = 30.0) -> None:
        home.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", program(), "relay", RUN, f"{idle:g}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={"HOME": str(home), "PATH": os.environ["PATH"]},
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.to, self.of = self.process.stdin, self.process.stdout
        self._decoder = Decoder()
        self._frames: list[tuple[dict[str, Any], bytes]] = []
        self.greeting = json.loads(self.line())["runyard"]
        self.pid = self.ask(verb="hello", version=1, owner=RUN, epoch=1)["pid"]

    def line(self) -> bytes:
        said = b""
        while not said.endswith(b"\n"):
            byte = self.of.read(1)
            assert byte, said
            said += byte
        return said

    def tell(self, **header: Any) -> None:
        self.to.write(encode(header))

    def hear(self) -> tuple[dict[str, Any], bytes]:
        while not self._frames:
            data = self.of.read(1 << 16)
            assert data, "the relay has left"
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)

    def ask(self, **header: Any) -> dict[str, Any]:
        self.tell(id=1, **header)
        reply = self.hear()[0]
        assert "ok" in reply, reply
        return reply["ok"]  # type: ignore[no-any-return]

    def start(self, text: str, n: int = 1, **more: Any) -> None:
        self.tell(id=9, verb="start", attempt=f"{RUN}/s/h/{n}", argv=["sh", "-c", text], **more)

    def leave(self) -> None:
        for stream in (self.to, self.of, self.process.stderr):
            assert stream is not None
            stream.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextmanager
def relay(tmp_path: Path, idle: float = 30.0) -> Iterator[Relay]:
    made = Relay(tmp_path / "far", idle)
    try:
        yield made
    finally:
        made.leave()
        if alive(made.pid):
            os.kill(made.pid, signal.SIGTERM)
        while alive(made.pid):
            time.sleep(0.01)


FLOOD = "while :; do echo 0123456789012345678901234567890123456789; done"


@pytest.mark.parametrize("text", [FLOOD, "head -c 200000 /dev/zero; exec sleep 100"])
def test_it_ends_when_the_supervisor_died_and_nobody_reads(tmp_path: Path, text: str) -> None:
    """Its peer may be behind a link that is cut: then what waits for it is lost."""
    with relay(tmp_path, idle=0.5) as far:
        far.start(text, output={}, wait=True)
        time.sleep(0.3)  # now nothing more goes into the pipe
        os.kill(far.pid, signal.SIGKILL)
        assert far.process.wait(20) == 0


def test_it_ends_when_nothing_was_heard_though_it_has_much_to_say(tmp_path: Path) -> None:
    with relay(tmp_path, idle=0.5) as far:
        far.start("while :; do echo hello; sleep 0.01; done", output={}, wait=True)
        assert far.process.stdin is not None
        while far.of.read(1 << 16):
            pass
        assert far.process.wait(20) == 0


def test_what_the_supervisor_said_last_is_passed_on(tmp_path: Path) -> None:
    with relay(tmp_path) as far:
        far.start("head -c 200000 /dev/zero; exec sleep 100", output={})
        time.sleep(0.5)
        os.kill(far.pid, signal.SIGKILL)
        size = 0
        while size < 200_000:
            size += len(far.hear()[1])
        assert far.process.wait(20) == 0


def test_a_supervisor_holds_nothing_of_its_starter(tmp_path: Path) -> None:
    """sshd ends a session when all who hold its streams have left."""
    with relay(tmp_path) as far:
        far.start("exec sleep 100")
        assert far.hear()[0]["ok"]["new"]
        far.to.close()
        assert far.of.read() == b""
        assert far.process.stderr is not None and far.process.stderr.read() == b""
        assert far.process.wait(20) == 0 and alive(far.pid)
        assert os.readlink(f"/proc/{far.pid}/cwd") == "/"


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_what_it_keeps_is_for_its_user_only(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with relay(tmp_path) as far:
            far.start("echo hello", output={}, wait=True)
            far.hear()
            root = Path(far.greeting["root"])
            assert root.stat().st_mode & 0o777 == 0o700
            files = [path for path in root.rglob("*") if path.is_file()]
            assert files and not [path for path in files if path.stat().st_mode & 0o077]
    finally:
        os.umask(before)
