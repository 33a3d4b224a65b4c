"""Room for connections: many hosts need more open files than a login shell allows at first."""

from __future__ import annotations

import os
import resource

from runyard.supervisor.launch import NOFILE


def raise_limit() -> None:
    """Allow this process as many open files as it may have.

    What it starts gets the former limit back: supervisors are told of it (`launch.NOFILE`).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.environ.setdefault(NOFILE, str(soft))
