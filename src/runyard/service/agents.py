"""All agents of an inventory, looked at without a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runyard.expr.secrets import Secrets
from runyard.hosts.agent.look import Seen, look_at
from runyard.hosts.inventory import Host, Inventory
from runyard.hosts.site import Access
from runyard.service.access import secrets_of_access, with_agents


async def see_agents(
    inventory: Inventory,
    hosts: Sequence[Host],
    access: Access,
    *,
    base: Path = Path(),
    timeout: float = 10.0,
) -> list[Seen]:
    """What the agents of `hosts` say, in their order; other hosts are left out.

    One that is not there is a result, not an exception. Files that the inventory names are relative
    to `base`.

    Raises:
        UsageError: variables about access cannot mean what they say, a secret is not known.
    """
    agents = [host for host in hosts if host.address.startswith(("http://", "https://"))]
    secrets = await Secrets().resolve(secrets_of_access(inventory))
    return await look_at(agents, with_agents(access, inventory, secrets, base), timeout=timeout)
