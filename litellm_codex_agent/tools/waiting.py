"""A piece of work that ends in time, and has ended when it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["within"]

_Value = TypeVar("_Value")
# What was cancelled gets so long to close its connections; it does nothing else then.
_CLOSING_SECONDS = 5.0


async def within(seconds: float, work: Coroutine[Any, Any, _Value]) -> _Value:
    """What `work` gives; it is cancelled, and has ended, where time runs out (`asyncio.TimeoutError`) or we are.

    Not `wait_for`: up to Python 3.11 it swallows a cancel that comes together with the result.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=max(0.0, seconds))
        if not task.done():
            raise asyncio.TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_CLOSING_SECONDS)
            if task.done() and not task.cancelled():
                task.exception()  # it is read, or the loop would log it as forgotten
