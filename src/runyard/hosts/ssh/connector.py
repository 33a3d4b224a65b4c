"""The way to hosts by SSH."""

from __future__ import annotations

from runyard.hosts.either import EitherConnector
from runyard.hosts.inventory import Host
from runyard.hosts.remote import RemoteConnector
from runyard.hosts.site import Site
from runyard.hosts.ssh.dialer import SshDialer
from runyard.hosts.ssh.link import Links
from runyard.hosts.ssh.shell import SshShell
from runyard.hosts.ssh.target import target_of
from runyard.model.connector import Connector


class Servers:
    """Makes connectors of one run to hosts whose address is `ssh://…`.

    All users of a host share one connection. asyncssh is loaded when the first one is reached.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._links = Links(accept_new=site.access.accept_new)

    def open(self, host: Host, become: str = "") -> Connector:
        """The way to `host` as `become` ("" is who logs in). Raises UsageError, `ADDRESS`."""
        site, link = self._site, self._links.link(host.name, target_of(host))
        dialer = SshDialer(link, become, site.run_id, str(host.options.get("python") or ""))
        remote = RemoteConnector(host.name, dialer, site.output, site.run_id, site.epoch)
        return EitherConnector(host.name, remote, lambda: SshShell(link, become), site.output)
