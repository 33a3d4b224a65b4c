"""Containers that have been left behind: of runs that are over, or that nobody has taken up.

Only what bears the mark of our own state home is touched; see `mark.home_id`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runyard.model.errors import NetworkError, NotFoundError, RunyardError
from runyard.model.ids import RUN_ID
from runyard.runners.docker.book import Book
from runyard.runners.docker.daemon import address_here, ask, connect
from runyard.runners.docker.mark import ATTEMPT, DEADLINE, HOME, RUN, home_of, known_id
from runyard.store.home import Home

if TYPE_CHECKING:
    from aiodocker import Docker

LIMIT = 20.0
"""Seconds that a step may wait for the sweep before it."""

LATE = 60.0
"""Seconds after which what was ordered to end, or had its deadline, should have."""

FORGOTTEN = 14 * 86400.0
"""Seconds after which the end of a container that no run has asked for is not kept any more."""

_LIVING = ("running", "paused", "restarting")
_log = logging.getLogger("runyard.docker")


async def sweep_once(docker: Docker, book: Book, daemon: str) -> None:
    """Sweep, unless this run has done so at this `daemon`. What goes wrong is no reason to stop.

    Of a daemon that is not there nothing is said: who wants a container there says it.
    """
    if book.swept(daemon):
        return
    try:
        book.note_sweep(daemon)
        async with asyncio.timeout(LIMIT):
            await sweep(docker, home_of(book.folder))
    except NetworkError:
        return
    except (RunyardError, TimeoutError) as error:
        _log.warning("leftover containers could not be swept: %s", error)


async def sweep_home(home: Path) -> int:
    """Sweep at this machine's daemon, if the state home ever had a container; how many went.

    A daemon that cannot be asked now is swept by the next run with a container.
    """
    if not known_id(home):
        return 0
    try:
        docker = connect(address_here(os.environ))
        try:
            async with asyncio.timeout(LIMIT):
                return await sweep(docker, home)
        finally:
            await docker.close()
    except (RunyardError, TimeoutError) as error:
        _log.warning("leftover containers could not be swept: %s", error)
        return 0


async def sweep(docker: Docker, home: Path) -> int:
    """Remove what is left over from runs of the state home; how many containers were ended.

    Raises:
        NetworkError, SystemFault: the daemon cannot be asked.
    """
    count = 0
    for found in await _marked(docker, known_id(home)):
        verdict = judge(home, found, time.time())
        if not verdict:
            continue
        container = docker.containers.container(found["Id"])
        try:
            if verdict == "kill":
                await ask(container.kill(), "cannot kill a leftover container")
            else:
                await ask(
                    container.delete(force=True, v=True), "cannot remove a leftover container"
                )
        except NotFoundError:
            continue
        except RunyardError as error:
            _log.warning("%s: %s", found["Id"][:12], error.message)
            continue
        count += 1
    return count


def judge(home: Path, found: Mapping[str, Any], now: float) -> str:
    """`remove`, `kill` (it is kept for its result), or "" to leave a container as it is.

    `found` is its entry in the daemon's list. `now` is in seconds since 1970.
    """
    labels, living = found["Labels"], found["State"] in _LIVING
    old = now - float(found.get("Created") or now)
    if not labels[HOME]:  # nobody can take it up, but who started it may still wait for it
        return "remove" if not living and old > FORGOTTEN else ""
    run = labels.get(RUN, "")
    if not RUN_ID.fullmatch(run):
        return ""
    folder = home / "runs" / run
    if not folder.is_dir():
        return "remove"
    page = Book(folder / "output").entry(labels.get(ATTEMPT, ""))
    if page.exit is not None:
        return "remove"
    if Home(home).is_owned(run):
        return ""
    if page.ordered and now > page.ordered + page.grace + LATE:
        return "remove"
    deadline = labels.get(DEADLINE)
    if living:
        return "kill" if deadline is not None and now > float(deadline) + LATE else ""
    return "remove" if old > FORGOTTEN else ""


async def _marked(docker: Docker, home: str) -> list[dict[str, Any]]:
    """Entries of the daemon's list with the mark of our home, or of none."""
    found: list[dict[str, Any]] = []
    for mark in dict.fromkeys((home, "")):
        filters = json.dumps({"label": [f"{HOME}={mark}"]})
        listed = await ask(
            docker.containers.list(all="1", filters=filters), "cannot list containers"
        )
        for each in listed:
            entry = {key: each[key] for key in ("Id", "Labels", "State", "Created")}
            if entry["Labels"].get(HOME) == mark:
                found.append(entry)
    return found
