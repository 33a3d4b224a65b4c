"""What may pass a door: the frames of one run, and what their answers tell us."""

from __future__ import annotations

import re
import time
from typing import Any

from runyard.agent.cutter import Head
from runyard.agent.metrics import Metrics
from runyard.agent.slots import Busy
from runyard.agent.tools import Tools
from runyard.agent.yard import OWNER
from runyard.model.errors import RunyardError
from runyard.supervisor.refusal import Refusal

_OF_ATTEMPTS = frozenset({"attach", "write", "close-stdin", "resize", "signal", "cancel", "forget"})
_OF_RUNS = frozenset({"recover", "clean"})
_OUTPUT = b'{"output"'
_OUTPUT_LIMIT = 10 << 30  # of the supervisor, when a start says nothing
_PEEK = 256
_ENDED_BY = re.compile(rb'"ended_by": "([a-z0-9:_-]+)"')
_CODE = re.compile(rb'"exit_code": (-?\d+|null)')
_STATUSES = {"timeout": "timeout", "cancel": "canceled", "lost": "error", "start-failed": "error"}


class Rules:
    """Judges frames of one door in both directions; not for several doors.

    `own`: the supervisor behind it is that of the agent, not one of another user.
    """

    def __init__(self, run: str, epoch: int, tools: Tools, metrics: Metrics, *, own: bool) -> None:
        self._run = run
        self._epoch = epoch
        self._tools = tools
        self._metrics = metrics
        self._own = own
        self._introduced = False
        self._listing: set[Any] = set()
        self._asked: dict[Any, tuple[str, bool]] = {}
        self._since: dict[str, float] = {}
        self._exit = ""
        self._peeked = bytearray()

    async def judge(self, head: Head) -> bytes:
        """A frame of the dispatcher as it goes on. Raises Refusal, RunyardError, FrameError."""
        header = head.read()
        verb = header.get("verb")
        if not isinstance(header.get("id"), int | None):
            raise Refusal("BAD_REQUEST", "an id is a number")
        if verb == "hello":
            return self._hello(head, header)
        if not self._introduced:
            raise Refusal("HELLO", "the first frame must be hello", fatal=True)
        if verb == "start":
            return await self._start(head, header)
        # What names neither an attempt nor a run is about files and facts of the host.
        if header.get("attempt") or verb in _OF_ATTEMPTS:
            self._ours(header.get("attempt"))
        if ("run" in header or verb in _OF_RUNS) and header.get("run") != self._run:
            raise Refusal("DENIED", f"this door is for the run {self._run}")
        if verb == "list" and header.get("attempt") is None:
            self._listing.add(header.get("id"))
        return head.whole()

    def answer(self, head: Head) -> bytes:
        """A frame of the supervisor as it goes on. Raises FrameError."""
        if head.raw.startswith(_OUTPUT):
            return head.whole()
        header = head.read()
        number = header.get("id")
        attempt, waits = self._asked.pop(number, ("", True))
        if "exit" in header:
            self._exit = header["exit"]
            self._peeked.clear()
        elif attempt and (not waits or "error" in header):
            over = "error" in header or bool((header.get("ok") or {}).get("ended"))
            self._unwatched(attempt, over=over)
        elif number in self._listing:
            self._listing.discard(number)
            return self._filtered(head, header)
        return head.whole()

    def peek(self, piece: memoryview, *, last: bool) -> None:
        """A part of the payload behind the last head that `answer` was given."""
        if not self._exit:
            return
        self._peeked += piece[: _PEEK - len(self._peeked)]
        if len(self._peeked) < _PEEK and not last:
            return
        attempt, self._exit = self._exit, ""
        self._tools.slots.give_back(attempt)
        since = self._since.pop(attempt, None)
        if since is not None:
            self._metrics.ended("door", _status(self._peeked), time.monotonic() - since)

    def leave(self) -> None:
        """The door closes; attempts go on, and their ends are not seen any more."""
        started = set(self._since)
        if self._own:
            self._tools.slots.lose_sight(started)
        else:
            for attempt in started:
                self._tools.slots.give_back(attempt)

    # -- inside -------------------------------------------------------------------------------

    def _hello(self, head: Head, header: dict[str, Any]) -> bytes:
        if header.get("owner") != self._run or header.get("epoch") != self._epoch:
            text = f"this door is for the run {self._run} and epoch {self._epoch}"
            raise Refusal("OWNER", text, fatal=True)
        self._introduced = True
        if not self._own:
            return head.whole()
        return head.but({**header, "owner": OWNER, "epoch": self._tools.yard.epoch})

    async def _start(self, head: Head, header: dict[str, Any]) -> bytes:
        attempt = self._ours(header.get("attempt"))
        if "spool" in header or "exits" in header:
            raise Refusal("DENIED", "the agent says where output goes: no spool, no exits")
        if attempt not in self._since:
            await self._admit(attempt)
            self._since[attempt] = time.monotonic()
        self._asked[header.get("id")] = (attempt, bool(header.get("wait")))
        return self._bounded(head, header)

    def _bounded(self, head: Head, header: dict[str, Any]) -> bytes:
        """The start with the limit of output that holds here."""
        most = self._tools.bounds.output
        limits = header.get("limits") or {}
        if not isinstance(limits, dict):
            return head.whole()  # the supervisor says what is wrong with it
        given = limits.get("output", _OUTPUT_LIMIT)
        if isinstance(given, int | float) and given <= most:
            return head.whole()
        return head.but({**header, "limits": {**limits, "output": most}})

    async def _admit(self, attempt: str) -> None:
        """Raises Busy, SpoolFull unless there is room for `attempt`, or it is known already."""
        tools = self._tools
        try:
            tools.spools.check()
            await tools.slots.take(attempt)
        except RunyardError as refused:
            known = self._own and await tools.yard.knows(attempt)
            if not known:
                raise
            if isinstance(refused, Busy):
                tools.slots.keep(attempt)

    def _ours(self, attempt: object) -> str:
        if not isinstance(attempt, str) or not attempt.startswith(f"{self._run}/"):
            raise Refusal("DENIED", f"this door is for attempts of the run {self._run}")
        return attempt

    def _unwatched(self, attempt: str, *, over: bool) -> None:
        """An attempt whose end will not be told here, or that is none."""
        self._since.pop(attempt, None)
        if over or not self._own:
            self._tools.slots.give_back(attempt)
        else:
            self._tools.slots.lose_sight({attempt})

    def _filtered(self, head: Head, header: dict[str, Any]) -> bytes:
        mine = f"{self._run}/"
        found = header.get("ok")
        if found is None:
            return head.whole()
        live = {name: each for name, each in found["live"].items() if name.startswith(mine)}
        ended = [name for name in found["ended"] if name.startswith(mine)]
        return head.but({**header, "ok": {"live": live, "ended": ended}})


def _status(record: bytearray) -> str:
    """The status of an exit record, by its beginning."""
    by, code = _ENDED_BY.search(record), _CODE.search(record)
    if by is None or code is None:
        return "failed"
    word = by[1].decode()
    return _STATUSES.get(word, "success" if word == "exit" and code[1] == b"0" else "failed")
