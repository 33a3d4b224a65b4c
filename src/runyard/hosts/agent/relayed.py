"""Output of what an agent does itself, kept here as it comes."""

from __future__ import annotations

from runyard.hosts.agent.wire import State
from runyard.model.action import Output
from runyard.model.errors import StoreError

STREAMS = ("stdout", "stderr")


class RelayedOutput:
    """Follows both streams of a task by offsets, from those that an earlier life has reached.

    The agent tells text: bytes that are no UTF-8 come as U+FFFD.

    Attributes:
        offsets: where to go on asking. used: True when the log has, or will have, all of it.
        trouble: why the log lacks the end of it.
    """

    def __init__(self, output: Output) -> None:
        self.offsets = dict(output.offsets())
        self.used = any(self.offsets.values())
        self.trouble = ""
        self._output = output

    def suffices(self, state: State) -> bool:
        """True when the result of a task that has ended holds all that it wrote, and we nothing."""
        outcome = state.outcome
        if self.used or not state.ended or outcome is None:
            return False
        size = sum(len(state.text(name).encode(errors="replace")) for name in STREAMS)
        return outcome.get("output_bytes") == size

    def take(self, state: State) -> bool:
        """Keep what is new in an answer that was asked for with `offsets`; True when it was all."""
        self.used = True
        for name in STREAMS:
            end = state.output.get(f"{name}_next")
            if isinstance(end, int) and end > self.offsets[name]:
                self._write(name, state.text(name).encode(errors="replace"))
                self.offsets[name] = end
        return state.ended and state.output.get("more") is not True

    def _write(self, name: str, data: bytes) -> None:
        if self.trouble:
            return
        try:
            self._output.write(name, data)
        except StoreError as error:
            self.trouble = f"the end of the output could not be kept here: {error.message}"
