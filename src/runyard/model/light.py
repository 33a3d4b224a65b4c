"""Dataclasses that cost a fifth to define: a program of many small values starts in time.

To the type checker `dataclass` is the standard one, so frozen classes are held frozen by it; at
run time comparison, hash and representation are shared functions instead of generated ones, and
nothing is generated to forbid assignment (docs/adr/0008).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    import dataclasses

    def dataclass(cls=None, /, *, frozen=False, slots=False, **options):
        """`dataclasses.dataclass` with the same meaning of `frozen`, `slots`, `eq`, `repr`."""
        eq, show = options.pop("eq", True), options.pop("repr", True)

        def define(cls):
            made = dataclasses.dataclass(cls, slots=slots, eq=False, repr=False, **options)
            own = cls.__dict__
            if eq and "__eq__" not in own:
                made.__eq__ = _equal
                if "__hash__" not in own:
                    made.__hash__ = _hash if frozen else None
            if show and "__repr__" not in own:
                made.__repr__ = _represent
            return made

        return define if cls is None else define(cls)


def _compared(value: Any) -> tuple[Any, ...]:
    fields = type(value).__dataclass_fields__.values()
    return tuple([getattr(value, f.name) for f in fields if f.compare])


def _equal(self: Any, other: object) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return self is other or _compared(self) == _compared(other)


def _hash(self: Any) -> int:
    fields = type(self).__dataclass_fields__.values()
    counted = [f for f in fields if (f.compare if f.hash is None else f.hash)]
    return hash(tuple([getattr(self, f.name) for f in counted]))


def _represent(self: Any) -> str:
    shown = [
        f"{f.name}={getattr(self, f.name)!r}"
        for f in type(self).__dataclass_fields__.values()
        if f.repr
    ]
    return f"{type(self).__qualname__}({', '.join(shown)})"
