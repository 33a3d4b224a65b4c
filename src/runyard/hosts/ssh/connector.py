"""The way to hosts by SSH."""

from __future__ import annotations

import os
from dataclasses import replace

from runyard.hosts.either import EitherConnector
from runyard.hosts.inventory import Host
from runyard.hosts.local import here
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
        site, target = self._site, target_of(host)
        identity, known_hosts = self._file(target.identity), self._file(target.known_hosts)
        target = replace(target, identity=identity, known_hosts=known_hosts)
        link = self._links.link(host.name, target)
        dialer = SshDialer(link, become, site.run_id, str(host.options.get("python") or ""))
        remote = RemoteConnector(host.name, dialer, site.output, site.run_id, site.epoch)
        return EitherConnector(host.name, remote, lambda: SshShell(link, become), site.output)

    def _file(self, path: str) -> str:
        """From where the run was started, so that a resume means the same."""
        if not path or path == "none":
            return path
        return os.path.join(self._site.cwd or here(), os.path.expanduser(path))
