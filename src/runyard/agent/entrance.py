"""`/door`: who may open one, and where it leads."""

from __future__ import annotations

import os
import re
from contextlib import AsyncExitStack

from starlette.websockets import WebSocket

from runyard.agent.door import Door
from runyard.agent.doors import Doors
from runyard.agent.metrics import Metrics
from runyard.agent.order import BadRequest
from runyard.agent.rules import Rules
from runyard.agent.tools import Tools
from runyard.agent.wire import Wire
from runyard.model.errors import NetworkError, SystemFault
from runyard.model.ids import RUN_ID

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}\$?")
_EPOCH = re.compile(r"[0-9]{1,15}")


class Entrance:
    """Opens doors. What it raises is answered in place of the WebSocket."""

    def __init__(self, doors: Doors, tools: Tools, metrics: Metrics) -> None:
        self._doors = doors
        self._tools = tools
        self._metrics = metrics

    async def open(self, websocket: WebSocket) -> None:
        """One door, from its opening to its end.

        Raises:
            BadRequest: the address is wrong. FencedError: a newer owner has been here.
            SystemFault, NetworkError: there is no supervisor; `BECOME`: no such user for us.
        """
        asked = websocket.query_params
        run, epoch, user = asked.get("run", ""), asked.get("epoch", ""), asked.get("become", "")
        if not RUN_ID.fullmatch(run):
            raise BadRequest("run is missing, or no run id")
        if not _EPOCH.fullmatch(epoch):
            raise BadRequest("epoch is missing, or no number")
        if user and not _USER.fullmatch(user):
            raise BadRequest("become is no name of a user")
        self._doors.check(run, int(epoch))
        own = not user or user == _ourselves()
        wire = Wire()
        async with AsyncExitStack() as stack:
            stack.callback(wire.abandon, NetworkError("the door is closed"))
            if own:
                await self._tools.yard.open(wire)
            else:
                await self._become(user, run, wire, stack)
            rules = Rules(run, int(epoch), self._tools, self._metrics, own=own)
            door = Door(int(epoch), rules, wire, self._metrics)
            self._doors.enter(run, door)
            stack.callback(self._doors.leave, run, door)
            await websocket.accept()
            await door.carry(websocket)

    async def _become(self, user: str, run: str, wire: Wire, stack: AsyncExitStack) -> None:
        from runyard.hosts.become import UserDialer

        dialer = UserDialer(user, run)
        stack.push_async_callback(dialer.close)
        try:
            await dialer.dial(wire)
        except SystemFault as error:
            if error.code == "BECOME":
                raise
            raise SystemFault(
                f"become: cannot work as {user}: {error.message}",
                code="BECOME",
                hint=error.hint,
                retryable=False,
            ) from error


def _ourselves() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""
