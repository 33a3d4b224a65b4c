"""Making one SSH connection: configuration, keys, host key, and who is at fault if it fails."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from getpass import getuser
from typing import Any, Final, cast

import asyncssh
from asyncssh.config import SSHClientConfig

from runyard.hosts.ssh.early import CONFIGS, IDLE, has_only
from runyard.hosts.ssh.faults import Caller, fault_of, is_refusal
from runyard.hosts.ssh.keys import Keys, Offer
from runyard.hosts.ssh.known import SSH_PORT, KnownHosts
from runyard.hosts.ssh.target import Target
from runyard.hosts.ssh.verify import Verifier
from runyard.model.errors import SystemFault
from runyard.model.light import dataclass

CONNECT: Final = 15.0
"""Seconds for a connection, from the name's lookup to being let in; ConnectTimeout is stronger."""

KEEPALIVE: Final = 5.0
"""Seconds of silence after which the server is asked whether it lives; thrice, then it is lost."""

CIPHERS: Final = "^aes256-gcm@openssh.com,aes128-gcm@openssh.com"
"""Tried first: the processor has instructions for them, and a frame costs half as much."""

_USER_FILE: Final = "~/.ssh/known_hosts"
_GLOBAL_FILES: Final = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")


class Login:
    """What connections of one run have in common: files that are read once."""

    def __init__(self, *, accept_new: bool) -> None:
        self.accept_new = accept_new
        self.keys = Keys()
        paths = [os.path.expanduser(path) for path in CONFIGS]
        self.configs = [path for path in paths if not has_only(IDLE, path)]
        self._known: dict[tuple[str, ...], KnownHosts] = {}

    def known(self, files: tuple[str, ...]) -> KnownHosts:
        """What `files` know."""
        if files not in self._known:
            self._known[files] = KnownHosts(files)
        return self._known[files]


@dataclass(frozen=True, slots=True)
class Plan:
    """How `target` is to be connected to.

    Attributes:
        arguments: for `asyncssh.connect`.
        jump: hosts to go through, as ProxyJump writes them, or "".
        where: the target as messages name it; `server` is its host and port.
    """

    target: Target
    arguments: Mapping[str, Any]
    verifier: Verifier
    caller: Caller
    jump: str
    where: str
    server: str
    seconds: float


def plan(target: Target, login: Login) -> Plan:
    """Read what the configuration says of `target`.

    Raises:
        ArgumentError: the key cannot be used.
        SystemFault: `SSH_CONFIG`.
    """
    try:
        config = _config(target, login.configs)
        offer = _offer(target, login.keys, config)
        alias = str(config.get("HostKeyAlias") or "")
        known = login.known(_known_files(target, config))
        host = str(config.get("Hostname") or target.host)
        verifier = Verifier(str(target), host, known, alias, accept_new=login.accept_new)
        user = str(config.get("User") or "")  # the target's own, if it has one
        caller = Caller(user or getuser(), bool(user), offer)
        seconds = float(str(config.get("ConnectTimeout") or CONNECT))
        port = target.port or int(str(config.get("Port") or SSH_PORT))
        algorithms = () if config.get("HostKeyAlgorithms") else verifier.algorithms(host, port)
        arguments = {
            "host": target.host,
            "port": target.port or (),
            "username": target.user or (),
            "config": login.configs,
            "client_factory": lambda: verifier,
            "known_hosts": verifier.known_for,
            "server_host_key_algs": algorithms,
            "connect_timeout": seconds,
            "keepalive_interval": config.get("ServerAliveInterval") or KEEPALIVE,
            "encryption_algs": () if config.get("Ciphers") else CIPHERS,
            **_without_none(config),
            **offer.arguments,
        }
    except (OSError, ValueError) as error:
        raise SystemFault(
            f"the configuration of ssh cannot be used for {target}: {error}",
            code="SSH_CONFIG",
            retryable=False,
        ) from error
    jump = target.jump or str(config.get("ProxyJump") or "")
    jump = "" if jump.lower() == "none" else jump
    where, server = _where(target, host, port), f"{host}:{port}"
    return Plan(target, arguments, verifier, caller, jump, where, server, seconds)


async def connect(
    plan: Plan, tunnel: asyncssh.SSHClientConnection | None, sock: socket.socket | None
) -> asyncssh.SSHClientConnection:
    """Connect, through `tunnel` if there is one, or over `sock`, which is connected already.

    Raises:
        NetworkError: it cannot be reached, for now; Dropped when another try at once is worth it.
        SystemFault: it does not let us in, or is not who it should be; no try will change that.
    """
    verifier, caller = plan.verifier, plan.caller
    connection: asyncssh.SSHClientConnection | None = None
    try:
        connection = await asyncssh.connect(tunnel=tunnel, sock=sock, **plan.arguments)
    except (asyncssh.Error, OSError, EOFError, ValueError) as error:
        if is_refusal(error):
            caller = replace(caller, agent=await caller.offer.of_agent())
            with suppress(SystemFault):  # not being let in is what counts
                verifier.remember()
        raise fault_of(error, plan.where, verifier, caller, plan.seconds) from error
    finally:
        if connection is None and sock is not None:
            sock.close()
    try:
        verifier.remember()
    except SystemFault:
        connection.abort()
        raise
    return connection


def _config(target: Target, files: Sequence[str]) -> SSHClientConfig:
    loaded = SSHClientConfig.load(
        None, files, False, False, False, getuser(), target.user or (), target.host,
        target.port or (),
    )  # fmt: skip
    return cast(SSHClientConfig, loaded)


def _offer(target: Target, keys: Keys, config: SSHClientConfig) -> Offer:
    if target.identity:
        return keys.only(target.identity)
    agent = str(config.get("IdentityAgent") or os.environ.get("SSH_AUTH_SOCK", ""))
    if agent == "SSH_AUTH_SOCK":
        agent = os.environ.get("SSH_AUTH_SOCK", "")
    return keys.usual(
        cast(Sequence[str], config.get("IdentityFile", ())),
        "" if agent == "none" else agent,
        only=bool(config.get("IdentitiesOnly")),
    )


def _known_files(target: Target, config: SSHClientConfig) -> tuple[str, ...]:
    """The user's files, then the global ones; `none` is no file at all."""
    user = cast(Sequence[str], config.get("UserKnownHostsFile", (_USER_FILE,)))
    others = cast(Sequence[str], config.get("GlobalKnownHostsFile", _GLOBAL_FILES))
    own = (target.known_hosts,) if target.known_hosts else user
    return tuple(file for file in (*own, *others) if file != "none")


def _without_none(config: SSHClientConfig) -> dict[str, Any]:
    """`ProxyCommand none` means that there is none."""
    proxy = str(config.get("ProxyCommand") or "")
    return {"proxy_command": None} if proxy.lower() == "none" else {}


def _where(target: Target, host: str, port: int) -> str:
    """The target, and behind an alias what is really connected to."""
    shown = str(target)
    if host.lower() == target.host.lower() and port == (target.port or 22):
        return shown
    return f"{shown} ({f'[{host}]' if ':' in host else host}:{port})"
