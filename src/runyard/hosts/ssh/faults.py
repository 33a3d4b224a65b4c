"""What asyncssh and the network say, as errors of our tree."""

from __future__ import annotations

import socket

import asyncssh
from asyncssh.config import ConfigParseError

from runyard.hosts.ssh.keys import Offer
from runyard.hosts.ssh.link import Dropped
from runyard.hosts.ssh.verify import Verifier
from runyard.model.errors import NetworkError, RunyardError, SystemFault
from runyard.model.light import dataclass

_LOST = (asyncssh.ConnectionLost, ConnectionError, EOFError)


@dataclass(frozen=True, slots=True)
class Caller:
    """As whom, and with what, we wanted to get in.

    Attributes:
        user: our name there; `named` when the address, the inventory or the configuration says so.
        agent: what of an agent's was shown, in words.
    """

    user: str
    named: bool
    offer: Offer
    agent: str = ""


def fault_of(
    error: BaseException, where: str, verifier: Verifier, caller: Caller, seconds: float
) -> RunyardError:
    """Why `where` could not be connected to; `seconds` is how long we have waited at most."""
    if verifier.trouble is not None:
        return verifier.trouble
    if isinstance(error, RunyardError):
        return error
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return SystemFault(
            f"the host key of {where} was refused: {error.reason}",
            code="HOST_KEY_REVOKED" if "revoked" in error.reason else "HOST_KEY_UNKNOWN",
            retryable=False,
        )
    if is_refusal(error):
        return _refused(where, caller, error)
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return _protocol(f"{where}: {error.reason}")
    if isinstance(error, asyncssh.ProtocolNotSupported):
        return _protocol(f"{where} does not speak SSH 2: {error.reason}")
    if isinstance(error, ConfigParseError):
        return SystemFault(
            f"the configuration of ssh cannot be read: {error}", code="SSH_CONFIG", retryable=False
        )
    return _unreachable(error, where, seconds)


def is_refusal(error: BaseException) -> bool:
    """Whether it means that we are not let in, by a server that has shown who it is."""
    return isinstance(error, asyncssh.PermissionDenied) or _too_many_keys(error)


def lost(error: BaseException, where: str) -> NetworkError:
    """A connection that broke, or does not answer."""
    why = getattr(error, "reason", "") or str(error) or type(error).__name__
    return NetworkError(f"the connection to {where} broke: {why}")


def _unreachable(error: BaseException, where: str, seconds: float) -> RunyardError:
    if isinstance(error, socket.gaierror):
        return NetworkError(
            f"the name of {where} is not known: {error.strerror}",
            code="UNKNOWN_HOST",
            hint="check the address, or name the host in ~/.ssh/config or /etc/hosts",
        )
    if isinstance(error, UnicodeError):  # a label that is empty, or too long
        return NetworkError(
            f"{where} can be no name of a host: {error.__cause__ or error}",
            code="UNKNOWN_HOST",
            hint="check the address",
            retryable=False,
        )
    if isinstance(error, ConnectionRefusedError):
        return NetworkError(
            f"nothing listens at {where}: the connection was refused",
            code="CONNECTION_REFUSED",
            hint="is sshd running there, and on this port?",
        )
    if isinstance(error, TimeoutError):
        return NetworkError(
            f"{where} did not let us in within {seconds:g} s",
            code="CONNECT_TIMEOUT",
            hint="is it up, and does a firewall let us through? (ConnectTimeout in ~/.ssh/config)",
        )
    if isinstance(error, _LOST):
        return Dropped(f"{where} ended the connection before it let us in")
    if isinstance(error, asyncssh.ChannelOpenError):
        return NetworkError(f"{where} cannot be reached through the jump host: {error.reason}")
    if isinstance(error, asyncssh.DisconnectError):
        return NetworkError(f"{where} ended the connection: {error.reason}")
    if isinstance(error, OSError):
        return NetworkError(f"{where} cannot be reached: {error.strerror or error}")
    return SystemFault(f"{where}: {error}", code="SSH_CONFIG", retryable=False)


def _refused(where: str, caller: Caller, error: BaseException) -> SystemFault:
    offer = caller.offer
    shown = [*offer.files, *([caller.agent] if caller.agent else [])]
    hints = []
    if offer.locked:
        hints.append(f"encrypted keys need ssh-agent: ssh-add {offer.locked[0]}")
    if _too_many_keys(error):
        hints.append("name the right key with the host's `identity`, or use IdentitiesOnly")
    elif not offer.locked:
        key = "the key with the host's `identity`"
        hints.append(f"name {key}" if caller.named else f"name the user in the address and {key}")
    return SystemFault(
        f"{where if '@' in where else f'{caller.user}@{where}'} does not let us in; "
        f"we have shown {', '.join(shown) or 'no key, having none'}",
        code="SSH_AUTH",
        hint="; ".join(hints),
        retryable=False,
    )


def _too_many_keys(error: BaseException) -> bool:
    return isinstance(error, asyncssh.DisconnectError) and "Too many auth" in error.reason


def _protocol(message: str) -> SystemFault:
    return SystemFault(
        message,
        code="SSH_PROTOCOL",
        hint="old servers need algorithms to be allowed in ~/.ssh/config (KexAlgorithms, Ciphers)",
        retryable=False,
    )
