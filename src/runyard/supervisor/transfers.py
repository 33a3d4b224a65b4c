"""The verbs about files: each is answered when it is done, and nobody waits for it meanwhile.

What concerns one file is done in the order in which it was asked for.
"""

from __future__ import annotations

import os

from . import files
from .aside import Aside
from .incoming import Incoming
from .refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .door import Door
    from .frames import Header
    from .loop import Loop, Timer

    Reply = tuple[dict[str, Any], bytes]
    Answer = Callable[[Reply | None, BaseException | None], None]

KEEP = 60.0
"""Seconds for which a file that is half there waits for whoever sends it."""

MOST = 64


class Transfer:
    """A file that comes in parts. What touches the disk is done aside: it may hang."""

    def __init__(self, dest: str) -> None:
        self.dest = dest
        self.incoming: Incoming | None = None
        self.door: Door | None = None
        self.expected = 0  # offset of the next part
        self.result: dict[str, Any] | None = None
        self.dropped = False
        self.timer: Timer | None = None
        self.release: Callable[[], object] = lambda: None

    def write(self, data: bytes) -> Reply:
        incoming = self._begun()
        if data:
            incoming.write(data)
        return {"have": incoming.have}, b""

    def finish(self, header: Header) -> Reply:
        """Asked again, as after a lost answer, it answers the same."""
        incoming = self._begun()
        if self.result is None:
            ids = files.owner_ids(header.get("owner"))
            size, sha256 = int(header["size"]), str(header["sha256"])
            self.result = incoming.finish(size, sha256, header.get("mode"), ids)
        return self.result, b""

    def abandon(self) -> None:
        if self.incoming is not None:
            self.incoming.abandon()

    def _begun(self) -> Incoming:
        if self.dropped:
            raise Refusal("PART", "the transfer was abandoned")
        if self.incoming is None:
            self.incoming = Incoming(self.dest)
        return self.incoming


class Transfers:
    """Serves the verbs in `table`."""

    def __init__(self, loop: Loop, home: str) -> None:
        self._loop = loop
        self._home = home
        self._aside = Aside(loop)
        self._transfers: dict[str, Transfer] = {}
        self.table: dict[str, Callable[[Door, Header, bytes, Answer], None]] = {
            "put": self._put,
            "part": self._part,
            "commit": self._commit,
            "abandon": self._abandon,
            "get": self._get,
            "stat": self._stat,
            "probe": self._probe,
        }

    @property
    def busy(self) -> bool:
        """True while files are half there, or something is being done."""
        return self._aside.busy or bool(self._unfinished())

    @property
    def working(self) -> bool:
        """True while something is being done that cannot be stopped."""
        return self._aside.busy

    def end(self) -> None:
        """Leave nothing half done behind."""
        for token in list(self._transfers):
            self._drop(token)

    # -- verbs --------------------------------------------------------------------------------

    def _put(self, _door: Door, header: Header, payload: bytes, answer: Answer) -> None:
        dest, mode, owner = self._place(header["dest"]), header.get("mode"), header.get("owner")
        size, sha256 = header.get("size"), header.get("sha256")

        def act() -> Reply:
            if size is None:
                return files.put(payload, dest, mode, owner), b""
            files.owner_ids(owner)
            done = files.same(dest, int(size), str(sha256), mode, owner) if sha256 else None
            return done or {"there": files.there(dest)}, b""

        self._do(dest, act, answer)

    def _part(self, door: Door, header: Header, payload: bytes, answer: Answer) -> None:
        token, offset = str(header["token"]), int(header["offset"])
        transfer = self._transfers.get(token)
        if transfer is None:
            if offset:
                raise Refusal("PART", "no such transfer")
            transfer = self._begin(token, self._place(header["dest"]))
        if not payload or transfer.door is None:
            self._hold(door, token, transfer)
        elif transfer.door is not door:  # what a broken connection has still brought, and late
            raise Refusal("PART", "another door has gone on with it")
        if payload and offset != transfer.expected:
            raise Refusal("PART", "a part at %d, not at %d" % (offset, transfer.expected))
        transfer.expected += len(payload)
        chosen = transfer
        self._do_part(token, transfer, lambda: chosen.write(payload), answer)

    def _commit(self, _door: Door, header: Header, _payload: bytes, answer: Answer) -> None:
        token = str(header["token"])
        transfer = self._transfers.get(token)
        if transfer is None:
            raise Refusal("PART", "no such transfer")
        chosen = transfer
        self._do_part(token, transfer, lambda: chosen.finish(header), answer)

    def _abandon(self, _door: Door, header: Header, _payload: bytes, answer: Answer) -> None:
        self._drop(str(header["token"]))
        answer(({}, b""), None)

    def _get(self, _door: Door, header: Header, _payload: bytes, answer: Answer) -> None:
        src = self._place(header["src"])
        offset, length = int(header.get("offset", 0)), int(header.get("length", files.PART))
        if offset < 0:
            raise ValueError("offset is negative")
        self._do(src, lambda: files.read(src, offset, min(length, files.PART)), answer)

    def _stat(self, _door: Door, header: Header, _payload: bytes, answer: Answer) -> None:
        path, digest = self._place(header["path"]), bool(header.get("digest"))
        self._do(path, lambda: ({"stat": files.stat(path, digest)}, b""), answer)

    def _probe(self, _door: Door, _header: Header, _payload: bytes, answer: Answer) -> None:
        from . import facts

        self._aside.do("", lambda: ({"facts": facts.probe()}, b""), answer)

    # -- inside -------------------------------------------------------------------------------

    def _place(self, path: str) -> str:
        return os.path.join(self._home, os.path.expanduser(path))

    def _do(self, path: str, act: Callable[[], Reply], answer: Answer) -> None:
        self._aside.do(os.path.normpath(path), act, answer)

    def _do_part(
        self, token: str, transfer: Transfer, act: Callable[[], Reply], answer: Answer
    ) -> None:
        def done(reply: Any, error: BaseException | None) -> None:
            if error is not None:
                self._drop(token)
            elif transfer.result is not None:
                self._age(token, transfer)
            answer(reply, error)

        self._aside.do(os.path.normpath(transfer.dest), act, done)

    def _unfinished(self) -> list[Transfer]:
        return [transfer for transfer in self._transfers.values() if transfer.result is None]

    def _begin(self, token: str, dest: str) -> Transfer:
        if len(self._unfinished()) >= MOST:
            raise Refusal("PART", "%d files are under way already" % MOST)
        transfer = self._transfers[token] = Transfer(dest)
        return transfer

    def _hold(self, door: Door, token: str, transfer: Transfer) -> None:
        """The rest comes through `door`; while it is there it is waited for, and a while after."""
        transfer.door = door
        if transfer.timer is not None:
            transfer.timer.cancel()
        transfer.release()
        key = token, self
        door.on_leave[key] = lambda: self._age(token, transfer)
        transfer.release = lambda: door.on_leave.pop(key, None)

    def _age(self, token: str, transfer: Transfer) -> None:
        """Nobody may come for it any more."""
        if transfer.timer is not None:
            transfer.timer.cancel()
        transfer.timer = self._loop.after(KEEP, lambda: self._drop(token))

    def _drop(self, token: str) -> None:
        """Forget it; what is asked for it still is refused, and its file goes."""
        transfer = self._transfers.pop(token, None)
        if transfer is None:
            return
        if transfer.timer is not None:
            transfer.timer.cancel()
        transfer.release()
        transfer.dropped = True
        self._aside.do(os.path.normpath(transfer.dest), transfer.abandon, lambda *_: None)
