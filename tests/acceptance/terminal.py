"""A program on a pseudo terminal, and a small emulator that shows what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

_CSI = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])")


class Emulator:
    """Lines that scrolled by and the screen as it is; wraps at `columns`, scrolls at `rows`."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.lines: list[list[str]] = [[]]
        self.row = self.column = 0
        self.cursor_shown = True
        self._rest = ""

    def feed(self, text: str) -> None:
        text, self._rest = self._rest + text, ""
        at = 0
        while at < len(text):
            char = text[at]
            if char == "\x1b":
                match = _CSI.match(text, at)
                if match is None:
                    if len(text) - at < 16:
                        self._rest = text[at:]
                        return
                    at += 1
                    continue
                self._control(match[1], match[2])
                at = match.end()
                continue
            at += 1
            if char == "\r":
                self.column = 0
            elif char == "\n":
                self._down()
            elif char >= " ":
                self._put(char)

    def _put(self, char: str) -> None:
        if self.column >= self.columns:
            self.column = 0
            self._down()
        line = self.lines[self.row]
        line.extend(" " * (self.column + 1 - len(line)))
        line[self.column] = char
        self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append([])

    def _control(self, args: str, letter: str) -> None:
        count = int(args) if args.isdigit() else 1
        if letter == "A":
            top = max(0, len(self.lines) - self.rows)
            self.row = max(top, self.row - count)
        elif letter == "J":
            del self.lines[self.row + 1 :]
            del self.lines[self.row][self.column :]
        elif letter == "K":
            del self.lines[self.row][self.column :]
        elif args == "?25":
            self.cursor_shown = letter == "h"

    @property
    def text(self) -> str:
        """Everything, also what has scrolled out of sight."""
        return "\n".join("".join(line).rstrip() for line in self.lines)

    @property
    def screen(self) -> str:
        """The last `rows` lines."""
        return "\n".join(self.text.split("\n")[-self.rows :])


class Terminal:
    """A program with a terminal of its own; a context manager that ends it."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.emulator = Emulator(columns, rows)
        self.raw = ""
        self._fd, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [os.fspath(word) for word in argv],
            stdin=child,
            stdout=child,
            stderr=child,
            cwd=cwd,
            env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **(env or {})},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(child)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._fd)

    def type(self, text: str) -> None:
        """Press keys; `\\x03` is Ctrl-C."""
        os.write(self._fd, text.encode())

    def until(self, seen: Callable[[Emulator], bool] | str, timeout: float = 30.0) -> None:
        """Read until the screen shows it; fails with the screen when it does not come."""
        test = (lambda e: seen in e.text) if isinstance(seen, str) else seen
        deadline = time.monotonic() + timeout
        while not test(self.emulator):
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"never saw {seen!r}; the terminal shows:\n{self.text}")

    def wait(self, timeout: float = 60.0) -> int:
        """Read to the end; returns the exit code."""
        deadline = time.monotonic() + timeout
        while self._read(deadline - time.monotonic()):
            pass
        return self.process.wait(max(1.0, deadline - time.monotonic()))

    @property
    def text(self) -> str:
        """What a person would have seen, scrolled lines included."""
        return self.emulator.text

    def _read(self, seconds: float) -> bool:
        if seconds <= 0 or not select.select([self._fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        text = data.decode("utf-8", "replace")
        self.raw += text
        self.emulator.feed(text)
        return bool(data)
