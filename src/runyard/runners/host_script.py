"""Actions that are one shell program on the host, with its subjects as arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable

from runyard.model.action import Work
from runyard.model.errors import ArgumentError
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.process import run_process

UNCHANGED = "runyard: unchanged"
_SUBJECT = re.compile(r"[A-Za-z0-9@_][A-Za-z0-9@_.+:~=*/-]*")


def subjects(args: Iterable[str], what: str) -> tuple[str, ...]:
    """`args` when each may stand as `what` on a command line: no option, no space, no quote.

    Raises:
        ArgumentError: one may not, or there is none.
    """
    names = tuple(args)
    for name in names:
        if not _SUBJECT.fullmatch(name):
            raise ArgumentError(f"{name!r} is not the name of a {what}")
    if not names:
        raise ArgumentError(f"no {what} is named")
    return names


async def run_on_host(work: Work, text: str, *args: str) -> Outcome:
    """Run the constant program `text` with `args` as `$1 $2 …`; nothing is pasted into it.

    It says `runyard: unchanged` on its last line when there was nothing to do: then the outcome
    is not `changed`.
    """
    outcome = await run_process(work, ("/bin/sh", "-c", text, "sh", *args))
    last = outcome.stdout.rstrip().rpartition("\n")[2]
    if outcome.status is Status.SUCCESS and last.startswith(UNCHANGED):
        return outcome.but(changed=False, message=last.removeprefix("runyard: "))
    return outcome
