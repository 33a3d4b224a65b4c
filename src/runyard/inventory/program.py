"""Running a program that prints an inventory: no shell, a deadline, bounded output."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Final

from runyard.inventory.problem import InventoryError
from runyard.workflow.report import printable

TIMEOUT: Final = 30.0
"""Seconds in which the program must have ended."""
MAX_OUTPUT: Final = 64 * 1024 * 1024
_KEPT = 64 * 1024
_SHOWN = 2000


def output_of(argv: Sequence[str], *, timeout: float = TIMEOUT, limit: int = MAX_OUTPUT) -> bytes:
    """What the program prints. It and all of its session are gone when this returns.

    Raises:
        InventoryError: it cannot be started, fails, takes longer than `timeout` seconds or prints
            more than `limit` bytes; the message has the end of its stderr.
    """
    name = argv[0]
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        hint = f"chmod +x {name}" if isinstance(error, PermissionError) else _interpreter(name)
        message = f"{name} cannot be started: {error.strerror}"
        raise InventoryError(message, hint=hint) from None
    out, err = bytearray(), bytearray()
    try:
        with process:
            try:
                _collect(process, out, err, timeout, limit, name)
            finally:
                _end(process)
    except InventoryError as error:
        raise InventoryError(error.message + _tail(err), hint=error.hint) from None
    if process.returncode:
        code = process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise InventoryError(f"{name} {how}{_tail(err)}", hint=f"run it yourself: {' '.join(argv)}")
    return bytes(out)


def _collect(
    process: subprocess.Popen[bytes],
    out: bytearray,
    err: bytearray,
    timeout: float,
    limit: int,
    name: str,
) -> None:
    """Read both streams until the program has ended; of stderr only the end is kept."""
    deadline = time.monotonic() + timeout
    with selectors.DefaultSelector() as streams:
        for stream, into in ((process.stdout, out), (process.stderr, err)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            streams.register(stream, selectors.EVENT_READ, into)
        while streams.get_map() and process.poll() is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise InventoryError(f"{name} did not end within {timeout:g} s")
            for key, _ in streams.select(min(left, 0.05)):
                _read(key, streams)
            _bound(out, err, limit, name)
        # It has ended: what is in the pipes now is all; who else holds them is not waited for.
        for key in list(streams.get_map().values()):
            while _read(key, streams):
                _bound(out, err, limit, name)
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise InventoryError(f"{name} did not end within {timeout:g} s") from None


def _read(key: selectors.SelectorKey, streams: selectors.BaseSelector) -> bool:
    """Take what is there; False when there is nothing now, or nothing more to come."""
    try:
        data = os.read(key.fd, 1 << 20)
    except BlockingIOError:
        return False
    key.data.extend(data)
    if not data:
        streams.unregister(key.fileobj)
    return bool(data)


def _bound(out: bytearray, err: bytearray, limit: int, name: str) -> None:
    del err[:-_KEPT]
    if len(out) > limit:
        raise InventoryError(f"{name} printed more than {limit:,} bytes")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of its session goes on, whatever happened."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _tail(err: bytearray) -> str:
    text = err.decode("utf-8", "replace").strip()
    if not text:
        return ""
    lines = [printable(line) for line in text[-_SHOWN:].splitlines()]
    return "\n  stderr: " + "\n  stderr: ".join(lines)


def _interpreter(name: str) -> str:
    """What is wrong with the first line of a script."""
    try:
        with open(name, "rb") as file:
            first = file.readline(200).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    if not first.startswith("#!"):
        return "its first line must name its interpreter: #!/usr/bin/env python3"
    return f"is there {first[2:].split()[0]}?" if first[2:].split() else ""
