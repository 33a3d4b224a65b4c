"""What the inventory says of how agents let us in, with its secrets in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from runyard.expr.secrets import MIN_LENGTH
from runyard.expr.template import secret_names
from runyard.expr.value import bool_of
from runyard.expr.variables import Variables
from runyard.hosts.inventory import Inventory
from runyard.hosts.site import Access, AgentAccess
from runyard.model.errors import UsageError
from runyard.service.job import Job, RunOptions

TOKEN = "agent_token"  # noqa: S105 - the name of a variable
_FILES = ("agent_ca", "agent_cert", "agent_key")
_VERIFY = "agent_verify"
_NAMES = frozenset({TOKEN, *_FILES, _VERIFY})


def admitted(
    options: RunOptions, job: Job, secrets: dict[str, str]
) -> tuple[RunOptions, dict[str, str]]:
    """Options that know how the agents of `job` let us in; the secrets, and tokens like secrets.

    Raises:
        UsageError: a variable cannot mean what it says.
    """
    access = with_agents(options.access, job.inventory, secrets, job.base)
    if access is options.access:
        return options, secrets
    return replace(options, access=access), hidden(access, secrets)


def with_agents(
    access: Access, inventory: Inventory, secrets: Mapping[str, str], base: Path
) -> Access:
    """`access` with what variables of hosts and groups say of each agent.

    Files are relative to `base`, the directory of the workflow.

    Raises:
        UsageError: a variable cannot mean what it says.
    """
    if not any(not _NAMES.isdisjoint(layer) for layer in inventory.layers()):
        return access
    variables = Variables(inventory, secrets=secrets)
    agents = {}
    for name, host in inventory.hosts.items():
        if host.address.startswith(("http://", "https://")):
            said = {key: value for key, value in variables.merged(name).items() if key in _NAMES}
            if said:
                agents[name] = _access(name, said, base)
    return replace(access, agents=agents)


def secrets_of_access(inventory: Inventory) -> Iterator[str]:
    """Names of the secrets that connecting needs: others may be unknown here."""
    for layer in inventory.layers():
        for name in _NAMES & layer.keys():
            yield from secret_names(layer[name])


def hidden(access: Access, secrets: Mapping[str, str]) -> dict[str, str]:
    """`secrets` and the tokens that stand in the inventory itself: they are masked like them.

    One that is too short to be masked is not.
    """
    known = set(secrets.values())
    found = dict(secrets)
    for agent in access.agents.values():
        if len(agent.token) >= MIN_LENGTH and agent.token not in known:
            known.add(agent.token)
            found[f"{TOKEN}.{len(found)}"] = agent.token
    return found


def _access(host: str, said: Mapping[str, Any], base: Path) -> AgentAccess:
    ca, cert, key = (
        str(base / Path(str(said[name])).expanduser()) if said.get(name) else "" for name in _FILES
    )
    if bool(cert) != bool(key):
        raise UsageError(
            f"host {host}: agent_cert and agent_key belong together", code="AGENT_ACCESS"
        )
    token = said.get(TOKEN)
    if isinstance(token, str) and token.startswith("${"):
        raise UsageError(
            f"host {host}: agent_token is a text or ${{secret:NAME}}, no other reference",
            code="AGENT_ACCESS",
        )
    return AgentAccess(
        token="" if token is None else str(token),
        ca=ca,
        cert=cert,
        key=key,
        verify=_flag(host, said.get(_VERIFY, True)),
    )


def _flag(host: str, value: Any) -> bool:
    flag = bool_of(value)
    if flag is None:
        raise UsageError(f"host {host}: agent_verify is true or false", code="AGENT_ACCESS")
    return flag
