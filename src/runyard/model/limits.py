"""Resource limits of one attempt's whole process tree."""

from __future__ import annotations

from dataclasses import fields

from runyard.model.light import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for a process tree; None is unbounded (contract 3, "Resources").

    Attributes:
        memory: bytes of resident memory summed over the tree.
        processes: processes alive at once.
        cpu_time: seconds of CPU summed over the tree.
        open_files: descriptors per process.
        output: bytes written to both streams together; more ends the attempt.
    """

    memory: int | None = None
    processes: int | None = None
    cpu_time: float | None = None
    open_files: int | None = None
    output: int | None = None

    def to_dict(self) -> dict[str, float]:
        """Only the bounds that are set."""
        return {f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None}
