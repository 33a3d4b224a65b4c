"""What the address of an agent may be."""

from __future__ import annotations

from urllib.parse import urlsplit

from runyard.hosts.address import without_password
from runyard.hosts.inventory import Host
from runyard.model.errors import UsageError


def check(host: Host) -> None:
    """Raises UsageError, `ADDRESS`, unless the address of `host` is one of an agent."""
    try:
        parts = urlsplit(host.address)
        usable = bool(parts.hostname) and not parts.query and not parts.fragment
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
        parts = urlsplit("")
    name = without_password(host.name)
    if parts.username or parts.password:
        raise UsageError(
            f"host {name}: the address of an agent holds no user and no password",
            code="ADDRESS",
            hint="the token goes into the variable agent_token, as ${secret:NAME}",
        )
    if not usable:
        raise UsageError(
            f"host {name}: {without_password(host.address)} is no address of an agent",
            code="ADDRESS",
            hint="such as http://web1:7072",
        )
