"""Events: the one append-only log of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from runyard.model.light import dataclass


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event not yet committed. `type` is `noun.verb`; see `store/fold.py` for what each means.

    run.queued run.started run.resumed run.finished · step.started step.finished step.left ·
    check.started · attempt.started attempt.finished · result.reached · approval.requested
    approval.decided · control.taken · warning.raised · retry.scheduled · rollback.started
    rollback.finished · handler.started · plan.accepted · run.swept
    """

    type: str
    step: str = ""
    host: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """A committed event. `seq` counts from 1 per run without gaps; `at` is seconds since 1970."""

    run_id: str
    seq: int
    at: float
    type: str
    step: str = ""
    host: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape used by `runyard events` and `run -o jsonl`."""
        return {
            "seq": self.seq,
            "at": self.at,
            "run_id": self.run_id,
            "type": self.type,
            **({"step": self.step} if self.step else {}),
            **({"host": self.host} if self.host else {}),
            "data": dict(self.data),
        }
