"""The loop: timers in order, descriptors, and no defect that stops it."""

from __future__ import annotations

import os

from runyard.supervisor.loop import READ, WRITE, Loop


def looped() -> tuple[Loop, list[BaseException]]:
    errors: list[BaseException] = []
    return Loop(errors.append), errors


def test_timers_ring_in_order_unless_cancelled() -> None:
    loop, errors = looped()
    rung: list[str] = []
    loop.after(0.02, lambda: rung.append("second"))
    loop.after(0.001, lambda: rung.append("first"))
    loop.after(0.01, lambda: rung.append("never")).cancel()
    loop.after(0.03, lambda: rung.append("third"))
    loop.run(lambda: len(rung) == 3)
    assert rung == ["first", "second", "third"] and not errors


def test_descriptors() -> None:
    loop, _ = looped()
    reader, writer = os.pipe()
    got: list[bytes] = []
    loop.watch(reader, READ, lambda _: got.append(os.read(reader, 10)))

    def write(_events: int) -> None:
        os.write(writer, b"x")
        loop.unwatch(writer)

    loop.watch(writer, WRITE, write)
    loop.run(lambda: bool(got))
    loop.unwatch(reader)
    loop.unwatch(reader)
    os.close(reader)
    os.close(writer)
    assert got == [b"x"]


def test_a_defect_is_reported_and_does_not_come_again() -> None:
    loop, errors = looped()
    reader, writer = os.pipe()
    os.write(writer, b"x")

    def broken(_events: int) -> None:
        raise LookupError("descriptor")

    def late() -> None:
        raise LookupError("timer")

    done: list[bool] = []
    loop.watch(reader, READ, broken)
    loop.after(0.001, late)
    loop.after(0.02, lambda: done.append(True))
    loop.run(lambda: bool(done))
    assert sorted(str(error) for error in errors) == ["descriptor", "timer"]
    os.close(reader)
    os.close(writer)
