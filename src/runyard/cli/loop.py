"""The one place where the command line enters asyncio."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


def drive(main: Coroutine[None, None, T]) -> T:
    """Run `main` to its end and return what it returns.

    What was loaded until now stays loaded: the collector need not look at it again.
    """
    import asyncio
    import gc

    gc.freeze()
    gc.enable()
    return asyncio.run(main)
