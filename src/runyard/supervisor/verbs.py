"""What a door can ask for. Every verb answers `{id, ok}` or `{id, error: {code, message}}`."""

from __future__ import annotations

import errno
import os
import signal
import time

from .attempt import Attempt
from .door import Door, Subscription
from .precedence import Precedence
from .refusal import Refusal
from .spawn import resize
from .tree import look
from .yard import Yard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .frames import Header
    from .transfers import Answer, Transfers

VERSION = 1
LISTED = 10000
FILES = ("put", "part", "commit", "abandon", "get", "stat", "probe")


class Verbs:
    """Serves the frames of all doors."""

    def __init__(self, yard: Yard, owner: str) -> None:
        self._yard = yard
        self._owner = owner
        self._epoch = yard.fence_of(owner)
        self._precedence = Precedence()
        self._files: Transfers | None = None
        here = look(os.getpid())
        self._started = here.started if here is not None else 0
        self._table: dict[str, Callable[[Door, Header, bytes], dict[str, Any] | None]] = {
            "start": self._start,
            "attach": self._attach,
            "write": self._write,
            "close-stdin": self._close_stdin,
            "resize": self._resize,
            "signal": self._signal,
            "cancel": self._cancel,
            "list": self._list,
            "forget": self._forget,
            "recover": self._recover,
            "clean": self._clean,
        }

    def serve(self, door: Door, header: Header, payload: bytes) -> None:
        """Answer one frame. A request that is wrong is refused; nothing else suffers."""
        number = header.get("id")
        try:
            reply, data = self._answer(door, header, payload)
        except Exception as error:
            told = _error(error, header)
            door.send({"id": number, "error": told})
            if isinstance(error, Refusal) and error.fatal:
                door.close()
            if told["code"] == "INTERNAL":
                raise
        else:
            if reply is not None:
                door.send({"id": number, "ok": reply}, data)

    def _answer(self, door: Door, header: Header, payload: bytes) -> Any:
        verb = header.get("verb")
        if verb == "hello":
            return self._hello(door, header), b""
        if door.epoch < 0:
            raise Refusal("HELLO", "the first frame must be hello", fatal=True)
        if door.epoch < self._epoch:
            raise Refusal("FENCED", "epoch %d has come since" % self._epoch, fatal=True)
        act = self._table.get(str(verb))
        if act is not None:
            return act(door, header, payload), b""
        if verb in FILES:
            self._transfers().table[str(verb)](door, header, payload, self._later(door, header))
            return None, b""
        raise Refusal("VERB", "no verb %r" % verb)

    @property
    def busy(self) -> bool:
        """True while a file is half here, and may be sent on when somebody comes back."""
        return self._files is not None and self._files.busy

    def end(self) -> bool:
        """Give up what is half here; False while something is being done that cannot be stopped."""
        if self._files is None:
            return True
        self._files.end()
        return not self._files.working

    def _transfers(self) -> Transfers:
        if self._files is None:
            from .transfers import Transfers

            self._files = Transfers(self._yard.loop, os.path.expanduser("~"))
        return self._files

    def _later(self, door: Door, header: Header) -> Answer:
        """What answers a request of `door` when it is done."""

        def answer(reply: Any, error: BaseException | None) -> None:
            number = header.get("id")
            if error is None:
                door.send({"id": number, "ok": reply[0]}, reply[1])
                return
            told = _error(error, header)
            door.send({"id": number, "error": told})
            if told["code"] == "INTERNAL":
                self._yard.loop.after(0.0, lambda: _raise(error))  # to be reported

        return answer

    def _hello(self, door: Door, header: Header) -> dict[str, Any]:
        if int(header["version"]) != VERSION:
            raise Refusal("VERSION", "this supervisor speaks version %d" % VERSION, fatal=True)
        if header.get("owner", self._owner) != self._owner:
            raise Refusal("OWNER", "this supervisor belongs to another owner", fatal=True)
        epoch = int(header["epoch"])
        if epoch < self._epoch:
            raise Refusal("FENCED", "epoch %d has come since" % self._epoch, fatal=True)
        self._precedence.enter(door, str(header.get("connector", "")), int(header.get("number", 0)))
        door.epoch = self._epoch = epoch
        return {
            "version": VERSION,
            "pid": os.getpid(),
            "started": self._started,
            "incarnation": self._yard.ledger.incarnation,
            "now": time.time(),
        }

    def _start(self, door: Door, header: Header, payload: bytes) -> dict[str, Any] | None:
        name = header["attempt"]
        if self._yard.ledger.knows(name):
            return self._attach(door, header, b"")
        self._precedence.check(door, name)
        attempt, new = self._yard.start(header, payload)
        if header.get("wait"):
            return self._attach(door, header, b"")
        if header.get("output") is not None:
            self._subscribe(door, name, self._yard.live.get(name), header["output"])
        return {"new": new, "pid": attempt.pid, "ended": attempt.ended}

    def _attach(self, door: Door, header: Header, _payload: bytes) -> dict[str, Any] | None:
        """With `output`, records follow as frames; with `wait`, the answer is the exit record."""
        name, number = header["attempt"], header.get("id")
        attempt = self._yard.live.get(name)
        if attempt is None and not self._yard.ledger.knows(name):
            raise Refusal("NOT_FOUND", "no attempt %s" % name)

        def tell(record: bytes) -> None:
            door.on_leave.pop(tell, None)
            door.send({"id": number, "exit": name}, record)

        subscription = None
        if header.get("output") is not None:
            subscription = self._subscribe(door, name, attempt, header["output"])
        if not header.get("wait"):
            return {"new": False, "ended": attempt is None}
        if subscription is not None:
            ledger = self._yard.ledger
            subscription.on_end = lambda: tell(ledger.exit_of(name))
            subscription.pump()
        elif attempt is None:
            tell(self._yard.ledger.exit_of(name))
        else:
            self._claim(door, attempt, attempt.on_end, tell)
        return None

    def _subscribe(
        self, door: Door, name: str, attempt: Attempt | None, offsets: dict[str, int]
    ) -> Subscription:
        if attempt is None:
            path = self._yard.ledger.spool_of(name)
            return Subscription(door, name, path, offsets, lambda: True)
        attempt_ = attempt
        path = attempt.output.spool.path
        subscription = Subscription(door, name, path, offsets, lambda: attempt_.ended)
        self._claim(door, attempt, attempt.on_output, subscription.pump)
        self._yard.loop.after(0.0, subscription.pump)
        return subscription

    def _claim(self, door: Door, attempt: Attempt, listeners: Any, call: Any) -> None:
        listeners.append(call)

        def leave() -> None:
            if call in listeners:
                listeners.remove(call)
            if not attempt.on_end and not attempt.on_output:
                attempt.unclaimed_since = time.monotonic()

        door.on_leave[call] = leave

    def _write(self, door: Door, header: Header, payload: bytes) -> dict[str, Any] | None:
        """Answered when the process has room for the bytes: that is the flow control."""
        attempt, number = self._live(header), header.get("id")
        sink = attempt.sink
        if sink is None or not sink.open:
            raise Refusal("STDIN", "stdin is closed")
        if not sink.write(payload, lambda: door.send({"id": number, "ok": {}})):
            raise Refusal("STDIN_FULL", "too much is waiting to be read by the process")
        return None

    def _close_stdin(self, _door: Door, header: Header, _payload: bytes) -> dict[str, Any]:
        sink = self._live(header).sink
        if sink is not None:
            sink.end()
        return {}

    def _resize(self, _door: Door, header: Header, _payload: bytes) -> dict[str, Any]:
        attempt = self._live(header)
        if attempt.terminal < 0:
            raise Refusal("PTY", "the attempt has no terminal")
        resize(attempt.terminal, (int(header["rows"]), int(header["columns"])))
        return {}

    def _signal(self, _door: Door, header: Header, _payload: bytes) -> dict[str, Any]:
        """To the process group of the main process; it does not order the attempt to end."""
        attempt, number = self._live(header), int(header["signal"])
        if not 0 < number < signal.NSIG:
            raise Refusal("SIGNAL", "no signal %d" % number)
        try:
            os.killpg(attempt.pid, number)
        except ProcessLookupError:
            pass
        return {}

    def _cancel(self, _door: Door, header: Header, _payload: bytes) -> dict[str, Any]:
        grace = header.get("grace")
        attempt = self._yard.live.get(header["attempt"])
        if attempt is not None:
            attempt.end("cancel", None if grace is None else float(grace))
        elif not self._yard.ledger.knows(header["attempt"]):
            raise Refusal("NOT_FOUND", "no attempt %s" % header["attempt"])
        return {}

    def _list(self, _door: Door, header: Header, _payload: bytes) -> dict[str, Any]:
        live = {
            a.name: {"pid": a.pid, "started_at": a.started_at} for a in self._yard.live.values()
        }
        only = header.get("attempt")
        if only is not None:
            return {"live": only in live, "ended": self._yard.ledger.knows(only)}
        return {"live": live, "ended": self._yard.ledger.known()[-LISTED:]}

    def _forget(self, _door: Door, header: Header, _payload: bytes) -> dict[str, Any]:
        if header["attempt"] in self._yard.live:
            raise Refusal("LIVE", "the attempt has not ended")
        return {"known": self._yard.ledger.forget(header["attempt"])}

    def _recover(self, _door: Door, header: Header, _payload: bytes) -> dict[str, Any]:
        return {"lost": self._yard.recover(header["run"], header.get("why") or {})}

    def _clean(self, _door: Door, header: Header, _payload: bytes) -> dict[str, Any]:
        run = header["run"]
        # Only who has replaced somebody can have him come after all.
        fence = self._epoch if run == self._owner and self._epoch > 1 else 0
        if not self._yard.clean(run, fence):
            raise Refusal("LIVE", "attempts of the run have not ended")
        self._precedence.clean(run)
        return {}

    def _live(self, header: Header) -> Attempt:
        attempt = self._yard.live.get(header["attempt"])
        if attempt is None:
            raise Refusal("NOT_FOUND", "no live attempt %s" % header["attempt"])
        return attempt


def _error(error: BaseException, header: Header) -> dict[str, str]:
    """What a door is told of `error`, {code, message}."""
    text = "%s: %s" % (type(error).__name__, error)
    if isinstance(error, Refusal):
        code, text = error.code, error.message
    elif isinstance(error, OSError):
        text = "%s: %s" % (error.filename or header.get("verb"), error.strerror)
        code = "SYSTEM"
        if isinstance(error, FileNotFoundError):
            code = "NOT_FOUND"
        elif isinstance(error, PermissionError):
            code = "PERMISSION"
        elif error.errno in (errno.ENOSPC, errno.EDQUOT):
            code = "DISK_FULL"
    elif isinstance(error, ImportError):  # what is loaded late, of a Python that lacks it
        code, text = "NO_PYTHON", "python3 there is not whole: %s" % error
    elif isinstance(error, (KeyError, TypeError, ValueError, AttributeError)):
        code = "BAD_REQUEST"
    elif isinstance(error, LookupError):
        code, text = "BAD_REQUEST", str(error)
    else:
        code = "INTERNAL"
    return {"code": code, "message": text}


def _raise(error: BaseException) -> None:
    raise error
