"""Many calls in flight at once: what each takes of memory and CPU, and how long the event loop keeps others waiting."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from .endpoint import open_files

__all__ = ["crowd"]

# How often the loop is asked for its attention; what it is late by is what any other task would wait.
TICK_SECONDS = 0.005
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") / 1024


async def crowd(call: Callable[[], Awaitable[object]], calls: int) -> dict[str, float]:
    """Start `calls`, one in a turn of the loop, and wait for all."""
    files = open_files()
    lags: list[float] = []
    resident = [_resident_kib()]
    watch = asyncio.ensure_future(_watch(lags, resident))
    cpu = time.process_time()
    tasks = []
    for _ in range(calls):
        tasks.append(asyncio.ensure_future(call()))
        await asyncio.sleep(0)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    watch.cancel()
    return {
        "failures": sum(isinstance(end, BaseException) for end in ended),
        "cpu_ms": (time.process_time() - cpu) / calls * 1e3,
        "rss_kib": (max(resident) - resident[0]) / calls,
        "lag_ms": sorted(lags)[int(len(lags) * 0.99)] * 1e3,
        "files": files,
    }


async def _watch(lags: list[float], resident: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(TICK_SECONDS)
        lags.append(time.perf_counter() - before - TICK_SECONDS)
        resident.append(_resident_kib())


def _resident_kib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KIB
