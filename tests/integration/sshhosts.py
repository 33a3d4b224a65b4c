"""Connectors to hosts of the tests' own SSH server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from runyard.hosts.inventory import Host
from runyard.hosts.remote import RemoteConnector
from runyard.hosts.site import Access, Site
from runyard.hosts.ssh.connector import Servers
from runyard.hosts.ssh.link import Link
from runyard.model.connector import Connector
from runyard.model.execution import Exec
from runyard.store.spool import spool_path
from runyard.supervisor.lost import captured

RUN = f"run-{os.getpid():08d}"
"""Not that of other tests, at this moment, on this machine: attempts are known by their names."""


class Dispatcher:
    """The hosts of one life of a run."""

    def __init__(self, folder: Path, *, accept_new: bool = False, epoch: int = 1) -> None:
        self.site = Site(folder / "state", RUN, epoch, access=Access(accept_new=accept_new))
        self.servers = Servers(self.site)

    def open(self, host: Host, become: str = "") -> Connector:
        return self.servers.open(host, become)

    def copied(self, attempt: str) -> bytes:
        """The stdout of an attempt as it was copied here."""
        path = spool_path(self.site.output, attempt)
        return captured(str(path), 1 << 28)[0].text().encode()


@asynccontextmanager
async def far(
    folder: Path, host: Host, become: str = "", *, epoch: int = 1
) -> AsyncIterator[tuple[Connector, Dispatcher]]:
    """A connected way to `host`."""
    dispatcher = Dispatcher(folder, epoch=epoch)
    way = dispatcher.open(host, become)
    try:
        await way.connect()
        yield way, dispatcher
    finally:
        await way.close(done=True)


def shell(text: str, step: str = "s", n: int = 1, host: str = "far", **more: Any) -> Exec:
    return Exec(f"{RUN}/{step}/{host}/{n}", ("sh", "-c", text), **more)


def remote_of(way: Connector) -> RemoteConnector:
    """What is behind a way that may turn out to have no Python."""
    remote: RemoteConnector = way._remote  # type: ignore[attr-defined]
    return remote


def link_of(way: Connector) -> Link:
    link: Link = remote_of(way)._dialer._link  # type: ignore[attr-defined]
    return link
