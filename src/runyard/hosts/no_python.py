"""The error of a host where no Python can be our supervisor."""

from __future__ import annotations

from runyard.model.errors import SystemFault


class NoPython(SystemFault):
    """There is no Python for the supervisor at the far side; the message says why."""

    code = "NO_PYTHON"
    retryable = False
    hint = "install python3 (3.8 or newer) there"
