"""Where an agent listens: addresses as written, and their sockets."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from ipaddress import ip_address

from runyard.model.errors import ConflictError, SystemFault, UsageError
from runyard.model.light import dataclass

HERE = "127.0.0.1"
_BACKLOG = 2048
_EXAMPLES = "write :7072 for this machine alone, 0.0.0.0:7072 or [::]:7072 for all interfaces"


@dataclass(frozen=True, slots=True)
class Address:
    """A host, as a name or a number, and a port; port 0 is any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `:PORT`, which is 127.0.0.1, `HOST:PORT` or `[IPV6]:PORT` (contract 2).

        Raises:
            UsageError: `ADDRESS`: it is neither.
        """
        host, separator, port = text.strip().rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        numeric = port.isascii() and port.isdecimal() and len(port) < 6 and int(port) < 65536
        bracketed = host.startswith("[") and host.endswith("]")
        if not separator or not numeric or (":" in host and not bracketed) or host == "*":
            raise UsageError(f"--addr {text!r} is no address", code="ADDRESS", hint=_EXAMPLES)
        return cls(bare or HERE, int(port))

    @property
    def is_loopback(self) -> bool:
        """True when nobody from another machine can come this way."""
        try:
            return ip_address(self.host.partition("%")[0]).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def bind(addresses: Sequence[Address]) -> list[socket.socket]:
    """A listening socket for each address; a former life's connections do not stand in the way.

    Raises:
        UsageError: a host is not known. ConflictError: `PORT_IN_USE`. SystemFault: not allowed.
    """
    bound: list[socket.socket] = []
    try:
        for address in addresses:
            bound.append(_bind(address))
    except BaseException:
        for sock in bound:
            sock.close()
        raise
    return bound


def _bind(address: Address) -> socket.socket:
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"--addr {address}: {why}", code="ADDRESS", hint=_EXAMPLES) from error
    family, kind, protocol, _, place = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(place)
        sock.listen(_BACKLOG)  # only now is it known that nobody else has it
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise _refused(address, error) from error
    return sock


def _refused(address: Address, error: OSError) -> ConflictError | SystemFault:
    why = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.EADDRINUSE:
        return ConflictError(
            f"cannot listen at {address}: {why}",
            code="PORT_IN_USE",
            hint="another agent may listen there; `--addr :PORT` takes another port",
        )
    return SystemFault(
        f"cannot listen at {address}: {why}",
        code="LISTEN",
        hint="ports below 1024 are root's" if error.errno == errno.EACCES else None,
    )


def shown(sock: socket.socket) -> Address:
    """The address that a bound socket has."""
    host, port = sock.getsockname()[:2]
    return Address(host, port)
