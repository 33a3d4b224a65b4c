"""From what the daemon knows of a container to an Exit, which means the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from runyard.model.execution import Exit
from runyard.runners.docker.reading import has_started
from runyard.runners.docker.sink import Sink
from runyard.runners.docker.usage import Usage
from runyard.store.spool import spool_path
from runyard.supervisor.lost import captured

_SIGNALS = range(129, 193)
"""Exit codes that stand for a signal, as the daemon tells them, and shells do."""

_BY_DAEMON = frozenset({137, 143, 255})
_MISSED = (
    "it ended while there was no contact with the docker daemon: of what it wrote while no daemon "
    "was there, some may be missing"
)
_OUT_OF_MEMORY = "the kernel killed a process of the container: it used more memory than allowed"


def exit_of(
    state: Mapping[str, Any],
    sink: Sink,
    usage: Usage,
    *,
    ordered: str = "",
    missed: bool = False,
    survivors: int = 0,
) -> Exit:
    """How a container ended whose last state is `state`.

    `ordered` is why it was told to end; `missed` says that there was no contact
    with the daemon when it ended.
    """
    report = sink.report()
    warnings = list(report.pop("warnings"))
    if not has_started(dict(state)):
        return Exit(None, None, ordered or "exit", warnings=tuple(warnings), **report)
    code = int(state.get("ExitCode") or 0)
    signal = code - 128 if code in _SIGNALS else None
    error, by = "", "exit" if signal is None else f"signal:{signal}"
    if state.get("OOMKilled"):
        if code:
            by = "limit:memory"
        else:
            warnings.append(_OUT_OF_MEMORY)
    elif missed and code in _BY_DAEMON:
        by = "lost"
        error = f"the docker daemon went away while this ran, and ended it (exit code {code})"
    if missed:
        warnings.append(_MISSED)
    return Exit(
        exit_code=code,
        signal=signal,
        ended_by=ordered or by,
        error=error,
        survivors=survivors,
        warnings=tuple(warnings),
        cpu=round(usage.cpu, 6),
        peak_memory=usage.memory,
        started_at=_seconds(state.get("StartedAt")),
        ended_at=_seconds(state.get("FinishedAt")),
        **report,
    )


def exit_without(folder: Path | None, attempt: str, by: str, error: str) -> Exit:
    """The end of a container that cannot be asked any more; its output is what the log has."""
    found: dict[str, Any] = {}
    if folder is not None:
        out, err = captured(str(spool_path(folder, attempt)))
        found = {"stdout": out.text(), "stderr": err.text()}
        found |= {"stdout_bytes": out.total, "stderr_bytes": err.total}
    return Exit(None, None, by, error=error, **found)


def _seconds(text: Any) -> float:
    """Seconds since 1970 of a time as the daemon writes it; 0.0 for none."""
    try:
        at = datetime.fromisoformat(str(text)[:19] + "+00:00")
        fraction = float("0." + str(text)[20:].rstrip("Z")) if str(text)[19:20] == "." else 0.0
        return max(0.0, at.timestamp() + fraction)
    except (ValueError, OverflowError):
        return 0.0
