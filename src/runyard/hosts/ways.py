"""Opens the way to a host: which connector its address asks for."""

from __future__ import annotations

import os

from runyard.hosts.descriptors import raise_limit
from runyard.hosts.inventory import Host
from runyard.hosts.local import LocalConnector
from runyard.hosts.site import Site
from runyard.model.connector import Connector
from runyard.model.errors import UsageError


class Ways:
    """Makes connectors of one run, by transport; nothing is connected yet.

    All local hosts share one connector. What a transport needs is imported when a host has it.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._here: LocalConnector | None = None

    def __call__(self, host: Host, become: str = "") -> Connector:
        """The way to `host` as `become` ("" is the user of the transport).

        Raises:
            UsageError: `TRANSPORT`: no way of this version leads there.
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
            from runyard.hosts.ssh.connector import open_ssh

            return open_ssh(host, become, site)
        if transport == "agent":
            from runyard.hosts.agent.connector import open_agent

            return open_agent(host, become, site)
        if transport == "docker":
            from runyard.hosts.docker.connector import open_docker

            return open_docker(host, become, site)
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
