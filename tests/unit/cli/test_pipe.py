"""A slow or vanished reader."""

from __future__ import annotations

import asyncio
import os
import threading

from runyard.cli.pipe import MAX_WAITING, Pipe


def test_everything_arrives_in_order() -> None:
    reader, writer = os.pipe()
    got: list[bytes] = []

    def read() -> None:
        while data := os.read(reader, 1 << 16):
            got.append(data)

    async def main() -> None:
        pipe = Pipe(writer)
        for n in range(2000):
            await pipe.write(f"line {n}\n")
        await pipe.close()
        os.close(writer)

    thread = threading.Thread(target=read)
    thread.start()
    asyncio.run(main())
    thread.join()
    os.close(reader)
    assert b"".join(got).decode().splitlines() == [f"line {n}" for n in range(2000)]


def test_vanished_reader_closes_it_without_an_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    async def main() -> bool:
        pipe = Pipe(writer)
        await pipe.write("nobody reads this\n")
        await pipe.close()
        await pipe.write("nor this\n")
        return pipe.closed

    assert asyncio.run(main())
    os.close(writer)


def test_sleeping_reader_stops_writers_but_not_the_loop() -> None:
    reader, writer = os.pipe()

    async def main() -> int:
        pipe = Pipe(writer)
        block, written = "x" * 65536, 0

        async def fill() -> None:
            nonlocal written
            while True:
                await pipe.write(block)
                written += len(block)

        task = asyncio.create_task(fill())
        while not task.done():
            before = written
            await asyncio.sleep(0.05)
            if written == before:
                break
        held = written
        os.close(reader)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await pipe.close()
        return held

    assert 0 < asyncio.run(main()) <= 4 * MAX_WAITING
    os.close(writer)
