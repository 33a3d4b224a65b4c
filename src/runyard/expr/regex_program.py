"""A pattern as a list of instructions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Final

from runyard.expr.error import ExprError
from runyard.model.light import dataclass

MAX_CODE: Final = 2000

CHAR, JUMP, ASSERT, ACCEPT = range(4)
BEGIN, END, SOFT_END, LINE_START, LINE_END, BOUNDARY, INSIDE = (1 << n for n in range(7))

Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class One:
    """One character that passes `test`."""

    test: Test


@dataclass(frozen=True, slots=True)
class Assertion:
    """A place between characters where one of `facts` holds."""

    facts: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """All of `parts`, one after the other."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any of `branches`."""

    branches: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`part` at least `low` and at most `high` times; None is without end."""

    part: Tree
    low: int
    high: int | None


Tree = One | Assertion | Sequence | Choice | Repeat


@dataclass(slots=True)
class Program:
    """Instructions `(kind, facts, targets)`; a CHAR goes on at the next one if its test passes."""

    code: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)
    tests: dict[int, Test] = field(default_factory=dict)
    asserts: bool = False

    def add(self, kind: int, facts: int = 0, targets: tuple[int, ...] = ()) -> int:
        """Append an instruction; returns its place. Raises ExprError when there are too many."""
        if len(self.code) >= MAX_CODE:
            raise ExprError("the pattern is too large", 1, "use smaller numbers in {n,m}")
        self.code.append((kind, facts, targets))
        return len(self.code) - 1

    def point(self, place: int, *targets: int) -> None:
        """Set where the instruction at `place` goes."""
        kind, facts, _ = self.code[place]
        self.code[place] = (kind, facts, targets)


def compile_program(tree: Tree) -> Program:
    """Translate a parsed pattern. Raises ExprError when it comes out too large."""
    program = Program()
    _emit(tree, program)
    program.add(ACCEPT)
    return program


def _emit(tree: Tree, program: Program) -> None:
    match tree:
        case One(test):
            program.tests[program.add(CHAR)] = test
        case Assertion(facts):
            program.asserts = True
            place = program.add(ASSERT, facts)
            program.point(place, place + 1)
        case Sequence(parts):
            for part in parts:
                _emit(part, program)
        case Choice(branches):
            _emit_choice(branches, program)
        case Repeat(part, low, high):
            _emit_repeat(part, low, high, program)


def _emit_choice(branches: tuple[Tree, ...], program: Program) -> None:
    fork = program.add(JUMP)
    starts: list[int] = []
    ends: list[int] = []
    for branch in branches:
        starts.append(len(program.code))
        _emit(branch, program)
        ends.append(program.add(JUMP))
    program.point(fork, *starts)
    for end in ends:
        program.point(end, len(program.code))


def _emit_repeat(part: Tree, low: int, high: int | None, program: Program) -> None:
    for _ in range(low):
        # an empty part adds nothing, however often: without this mark {999999999} never ends
        program.add(JUMP, 0, (len(program.code) + 1,))
        _emit(part, program)
    if high is None:
        fork = program.add(JUMP)
        _emit(part, program)
        program.add(JUMP, 0, (fork,))
        program.point(fork, fork + 1, len(program.code))
        return
    forks: list[int] = []
    for _ in range(high - low):
        forks.append(program.add(JUMP))
        _emit(part, program)
    for fork in forks:
        program.point(fork, fork + 1, len(program.code))
