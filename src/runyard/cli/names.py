"""Steps and hosts that the command line names, checked against a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runyard.cli.lazy import did_you_mean
from runyard.model.errors import NotFoundError

if TYPE_CHECKING:
    from runyard.service.runs import Runs


async def check_names(runs: Runs, run_id: str, step: str | None, host: str | None) -> None:
    """Make sure that the run has this step and host, if it has ended.

    While it goes on, a step may still come.

    Raises:
        NotFoundError: it has none of that name, with the nearest one.
    """
    if step is None and host is None:
        return
    record = await runs.get(run_id)
    if not record.status.is_final:
        return
    steps = {s.name for s in record.steps}
    hosts = {name for s in record.steps for name in s.hosts}
    for word, known, kind in ((step, steps, "step"), (host, hosts, "host")):
        if word is not None and word not in known:
            raise NotFoundError(
                f"run {run_id} has no {kind} {word!r}{did_you_mean(word, sorted(known))}",
                code=kind.upper(),
                hint=f"runyard show {run_id} lists them",
            )
