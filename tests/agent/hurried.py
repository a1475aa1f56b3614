"""An event loop whose time passes at once where nobody has anything to do: a test of waits takes no time of ours."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["hurried"]

_Got = TypeVar("_Got")


class _Selector(selectors.SelectSelector):
    """Instead of waiting, it lets the time be over."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout is None:
            raise RuntimeError("all wait for each other")
        if not found:
            self.passed += max(timeout or 0.0, 0.0)
        return found


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._hurrying = _Selector()
        super().__init__(self._hurrying)

    def time(self) -> float:
        return self._hurrying.passed


def hurried(scene: Coroutine[Any, Any, _Got]) -> _Got:
    """As `asyncio.run`, by a clock that begins at zero; for scenes without a socket or a process."""
    loop = _Loop()
    try:
        got = loop.run_until_complete(scene)
        loop.run_until_complete(loop.shutdown_asyncgens())
        return got
    finally:
        loop.close()
