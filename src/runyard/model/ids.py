"""Names of runs and attempts."""

from __future__ import annotations

import os
import re
import time

from runyard.model.errors import UsageError

RUN_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._:-]{7,127}")


def new_run_id() -> str:
    """A fresh run id that sorts by its time of birth: `20261121-083341-7f3a9c`."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + os.urandom(3).hex()


def check_run_id(text: str) -> str:
    """Return `text` when it is a run id (contract 1, "Run").

    Raises:
        UsageError: it is not; the message holds the rule.
    """
    if RUN_ID.fullmatch(text):
        return text
    raise UsageError(
        f"run id {text!r} is not valid",
        code="RUN_ID",
        hint="8 to 128 characters of a-z A-Z 0-9 . _ : - and the first one a letter or digit",
    )


def attempt_id(run: str, step: str, host: str, n: int) -> str:
    """The id of attempt `n` (from 1) of a step on a host; the same call gives the same id."""
    return f"{run}/{step}/{host}/{n}"
