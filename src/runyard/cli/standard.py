"""Standard input, output and error, for a caller that has closed them (`>&-`)."""

from __future__ import annotations

import os
import sys

from runyard.model.errors import UsageError


def stand_in() -> None:
    """Put something in the place of every standard stream that is closed.

    Otherwise the next file that is opened, the database perhaps, would be taken for it. Reading
    and writing the stand-in fails as with the closed one (EBADF), so nobody believes that it was
    read or written. Only standard error takes what it gets: there is no place to complain.
    """
    for fd, mode in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(fd)
        except OSError:
            # The lowest free number is given: all below it are open by now.
            os.set_inheritable(os.open(os.devnull, mode), True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def read_stdin(command: str) -> bytes:
    """All of standard input, for `command` (`runyard run -`).

    Raises:
        UsageError: it cannot be read, or it is a terminal, where nobody expects to type it.
    """
    if os.isatty(0):
        raise UsageError(
            "standard input is a terminal", code="STDIN", hint=f"{command} < FILE reads a file"
        )
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise UsageError(
            f"standard input cannot be read: {error.strerror}", code="STDIN"
        ) from error
