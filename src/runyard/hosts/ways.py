"""Opens the way to a host: which connector its address asks for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runyard.hosts.address import transport_of
from runyard.hosts.descriptors import raise_limit
from runyard.hosts.inventory import Host
from runyard.hosts.local import LocalConnector
from runyard.hosts.site import Site
from runyard.model.connector import Connector
from runyard.model.errors import UsageError

if TYPE_CHECKING:
    from runyard.hosts.agent.connector import Agents
    from runyard.hosts.ssh.connector import Servers


class Ways:
    """Makes connectors of one run, by transport; nothing is connected yet.

    All local hosts share one connector, all agents one HTTP client. What a transport needs is
    imported when a host has it.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._here: LocalConnector | None = None
        self._agents: Agents | None = None
        self._ssh: Servers | None = None

    def __call__(self, host: Host, become: str = "") -> Connector:
        """The way to `host` as `become` ("" is the user of the transport).

        Raises:
            UsageError: `TRANSPORT`: no way of this version leads there; `ADDRESS`: nor any other.
        """
        site, transport = self._site, host.transport
        if transport == "local":
            if become and become != _user():
                from runyard.hosts.become import open_user

                return open_user(host, become, site)
            if self._here is None:
                self._here = LocalConnector(site.home, site.run_id, site.epoch, cwd=site.cwd)
            return self._here
        raise_limit()
        if transport == "ssh":
            if self._ssh is None:
                from runyard.hosts.ssh.connector import Servers

                self._ssh = Servers(site)
            return self._ssh.open(host, become)
        if transport == "agent":
            if self._agents is None:
                from runyard.hosts.agent.connector import Agents

                self._agents = Agents(site)
            return self._agents.open(host, become)
        if transport == "docker":
            from runyard.hosts.docker.connector import open_docker

            return open_docker(host, become, site)
        transport_of(host.address)
        raise UsageError(
            f"host {host.name} is at {host.address}: this version has no way there",
            code="TRANSPORT",
            hint="run it here, under the hosts' own names and variables, with --local",
        )


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""
