"""What a host without Python offers: commands, one after the other or many at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

OnOutput = Callable[[int, bytes], None]
"""Takes output as it comes: 1 for stdout or 2 for stderr, and the bytes."""


class Shell(Protocol):
    """Starts commands on one host, each over a channel of its own.

    What comes before our own words on stdout (a message of the day) is ignored, so is the exit
    code of a command: all that matters is said on stdout. A transport that bounds how many
    commands run at once must have room for `LIMIT` of `hosts/plain.py` and two more, which end
    the others.
    """

    @property
    def raw(self) -> bool:
        """True when bytes pass unchanged in both directions, and commands have a stdin.

        Otherwise a command gets nothing but its environment, and its output is text.
        """

    async def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: bytes | None,
        on_output: OnOutput,
    ) -> None:
        """Run `argv`; return when it has ended and all its output was given to `on_output`.

        Nothing in `argv` is secret; `env` may be, and must not appear in any command line. Where
        the shell is `raw`, `env` is empty and `stdin` is written and then closed; where it is not,
        `stdin` is None. At most 128 KiB are in one word, at most 2 MiB in all of `env`.

        Cancellation lets go of the command, which may go on.

        Raises:
            NetworkError: the host cannot be reached, and nothing was started.
            HostLost: the connection broke: the command may have been started, and may go on.
        """

    async def close(self) -> None:
        """Let go of the host. Idempotent."""
