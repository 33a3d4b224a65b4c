"""The way into a running container of this machine: `docker://NAME`."""

from __future__ import annotations

from runyard.hosts.docker.container import container_of
from runyard.hosts.docker.dialer import ContainerDialer
from runyard.hosts.docker.shell import ContainerShell
from runyard.hosts.either import EitherConnector
from runyard.hosts.inventory import Host
from runyard.hosts.remote import RemoteConnector
from runyard.hosts.site import Site
from runyard.model.connector import Connector


def open_docker(host: Host, become: str, site: Site) -> Connector:
    """The way into the container at `host.address` as `become` ("" is its own user).

    With a Python 3.8 in it, a supervisor is brought there; else commands are run plainly, and the
    first result says what that cannot promise. Raises UsageError, `ADDRESS`.
    """
    container = container_of(host, become)
    dialer = ContainerDialer(container, site.run_id, str(host.options.get("python") or ""))
    remote = RemoteConnector(host.name, dialer, site.output, site.run_id, site.epoch)
    return EitherConnector(host.name, remote, lambda: ContainerShell(container), site.output)
