from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runyard.store.home import Home
from runyard.store.sqlite import SqliteJournal


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "state").prepare()


@pytest.fixture(params=["file", "memory"])
def run_journal(
    request: pytest.FixtureRequest, home: Home
) -> Callable[[Callable[[SqliteJournal], Coroutine[Any, Any, Any]]], Any]:
    """Run an async function with a journal: once over a file, once over memory."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[SqliteJournal]:
        journal = SqliteJournal(home if request.param == "file" else None)
        try:
            yield journal
        finally:
            await journal.close()

    def call(function: Callable[[SqliteJournal], Coroutine[Any, Any, Any]]) -> Any:
        async def main() -> Any:
            async with opened() as journal:
                return await asyncio.wait_for(function(journal), 60)

        return asyncio.run(main())

    return call
