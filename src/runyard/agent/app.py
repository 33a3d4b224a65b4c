"""The ASGI application: who may, which endpoint, and how failures are told."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from runyard.agent.body import linger
from runyard.agent.metrics import Metrics
from runyard.agent.problem import Unauthorized, problem
from runyard.agent.token import Keeper
from runyard.model.errors import InternalError, NotFoundError, RunyardError, UsageError
from runyard.model.light import dataclass

Handler = Callable[[Request], Awaitable[Response]]
Opener = Callable[[WebSocket], Awaitable[None]]

_LOG = logging.getLogger("runyard.agent")


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint; `free`: no token is asked for."""

    methods: tuple[str, ...]
    handler: Handler
    free: bool = False


class App:
    """Calls handlers and turns what they raise into answers. One instance serves all sockets."""

    def __init__(
        self, keeper: Keeper, routes: Mapping[str, Route], doors: Mapping[str, Opener], m: Metrics
    ) -> None:
        self.routes = routes
        self.doors = doors
        self._keeper = keeper
        self._metrics = m

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(WebSocket(scope, receive, send))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        response = await self._answer(Request(scope, receive))
        status = response.status_code
        if status >= 400:
            self._metrics.refused(status)
        path = scope["raw_path"].decode("ascii", "replace")  # quoted: nobody writes our log for us
        _LOG.info("%s %s %d %.0f ms", scope["method"], path, status, _ms(began))
        if status in (401, 413):  # the body may be on its way still
            response.headers["connection"] = "close"
            await response(scope, receive, _with_more(send))
            await linger(receive)
            await send({"type": "http.response.body", "body": b""})
        else:
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path, method = request.url.path, request.method
        route = self.routes.get(path)
        try:
            if not (route is not None and route.free):
                self._admit(request)
            if route is None:
                raise NotFoundError(f"no endpoint {path}", code="ENDPOINT", hint=self._hint())
            if method not in route.methods:
                raise UsageError(f"{path} takes {' and '.join(route.methods)}", code="METHOD")
            return await route.handler(request)
        except RunyardError as error:
            if isinstance(error, InternalError):
                _LOG.error("%s %s: %s", method, path, error.message)
            if error.code == "METHOD" and route is not None:
                return problem(error, 405, allow=", ".join(route.methods))
            return problem(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            _LOG.exception("%s %s", method, path)
            return problem(InternalError.of(error, f"{method} {path}"))

    async def _websocket(self, websocket: WebSocket) -> None:
        opener = self.doors.get(websocket.url.path)
        try:
            self._admit(websocket)
            if opener is None:
                raise NotFoundError(f"no door {websocket.url.path}", code="ENDPOINT")
            _LOG.info("door opens: %s", websocket.url.query)
            await opener(websocket)
            _LOG.info("door closed: %s", websocket.url.query)
        except WebSocketDisconnect:
            return
        except RunyardError as error:
            response = problem(error)
            self._metrics.refused(response.status_code)
            _LOG.info("door refused: %s: %s", websocket.url.query, error.message)
            await websocket.send_denial_response(response)

    def _admit(self, request: Request | WebSocket) -> None:
        """Raises Unauthorized."""
        if not self._keeper.admits(request.scope["headers"]):
            raise Unauthorized("unauthorized")

    def _hint(self) -> str:
        return f"there are {', '.join([*self.routes, *self.doors])}"


def _with_more(send: Send) -> Send:
    """`send`, saying with the body that there is more of it to come."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "more_body": True}
        await send(message)

    return sending


def _ms(began: float) -> float:
    return (time.monotonic() - began) * 1000
