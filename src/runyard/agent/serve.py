"""The process: sockets, signals, uvicorn, and the house behind them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import uvicorn

from runyard import __version__
from runyard.agent import tls
from runyard.agent.address import Address, bind, shown
from runyard.agent.argv import hide
from runyard.agent.house import House
from runyard.agent.protocol import PEERS, BoundedProtocol, websocket_protocol
from runyard.agent.settings import AgentSettings
from runyard.agent.state import State
from runyard.agent.token import token_of
from runyard.hosts.descriptors import raise_limit
from runyard.supervisor.frames import MAX_FRAME

_PING, _PONG = 10.0, 20.0
_GRACE = 10
"""Seconds for requests that are under way when the agent is told to end."""

_SHOWN = 4
_LOG = logging.getLogger("runyard.agent")


class Server(uvicorn.Server):
    """Says `greeting` when it listens; SIGTERM and SIGINT end it well, with exit code 0."""

    def __init__(self, config: uvicorn.Config, house: House, greeting: str) -> None:
        super().__init__(config)
        self._house = house
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._greeting:
            sys.stderr.write(f"{self._greeting}\n")
            sys.stderr.flush()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Ctrl-C is for who stands in front, not for what a shell has started with `&`.
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self.end)
        yield

    def end(self) -> None:
        """Stop listening, answer what is under way. Again: do not even wait for that."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._house.leave()


async def serve(settings: AgentSettings) -> int:
    """Be an agent until SIGTERM or SIGINT; attempts go on under the supervisor. Returns 0.

    Raises:
        UsageError: an option is wrong. ConflictError: the port or the state directory is taken.
        SystemFault: there can be no agent here. FencedError: another one has taken our place.
    """
    _speak(settings)
    raise_limit()
    addresses = [Address.parse(text) for text in settings.addresses]
    token = token_of(settings, addresses)
    for warning in token.warnings:
        _LOG.warning(warning)
    if settings.token:
        hide(settings.token)
    if settings.tls is not None:
        tls.check(settings.tls)
    sockets = bind(addresses)
    state = State.open(settings.state or _state_for(shown(sockets[0]).port))
    try:
        house = House(settings, state, token.value)
        greeting = "" if settings.quiet else _greeting(settings, sockets, state)
        server = Server(_config(settings, house), house, greeting)
        await house.open()
        try:
            await _until_told(server, house, sockets)
        finally:
            await house.close()
    finally:
        for sock in sockets:
            sock.close()
        state.close()
    return 0


async def _until_told(server: Server, house: House, sockets: list[socket.socket]) -> None:
    """Serve; when the house falls, stop serving and raise why."""
    serving = asyncio.ensure_future(server.serve(sockets=sockets))
    falling = asyncio.ensure_future(house.fall())
    try:
        await asyncio.wait({serving, falling}, return_when=asyncio.FIRST_COMPLETED)
        if falling.done():
            server.end()
        await serving
        if falling.done():
            falling.result()
    finally:
        falling.cancel()


def _config(settings: AgentSettings, house: House) -> uvicorn.Config:
    files = settings.tls
    config = uvicorn.Config(
        house.app,
        loop="asyncio",
        http=BoundedProtocol,
        ws=cast(type[asyncio.Protocol], websocket_protocol),
        ws_max_size=MAX_FRAME + 4,
        ws_ping_interval=_PING,
        ws_ping_timeout=_PONG,
        ws_per_message_deflate=False,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE,
        ssl_certfile=files.cert if files else None,
        ssl_keyfile=files.key if files else None,
        ssl_ca_certs=str(files.client_ca) if files and files.client_ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if files and files.client_ca else ssl.CERT_NONE,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise tls.bad(files, error) from error
    return config


def _state_for(port: int) -> Path:
    from runyard.store.home import Home

    return Home.default().root / f"agent-{port}"


def _speak(settings: AgentSettings) -> None:
    """Log to stderr: warnings, with --verbose requests as well. Never headers, never bodies."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="runyard agent: %(message)s",
    )
    if settings.verbose:
        logging.getLogger("runyard.agent").setLevel(logging.INFO)
    else:  # of peers only what they bring about here: nobody who has no token fills our log
        PEERS.addFilter(lambda record: record.exc_info is not None)


def _greeting(settings: AgentSettings, sockets: Sequence[socket.socket], state: State) -> str:
    scheme = "https" if settings.tls else "http"
    names = [f"{scheme}://{shown(sock)}" for sock in sockets]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    mutual = ", client certificates required" if settings.tls and settings.tls.client_ca else ""
    return (
        f"runyard agent {__version__} at {' '.join(names[:_SHOWN])}{more}{mutual}; "
        f"state {state.root}, pid {os.getpid()}"
    )
