"""A process that makes one contestant's calls and measures itself: orders come in as lines of JSON, figures go out."""

from __future__ import annotations

import asyncio
import cProfile
import json
import os
import pstats
import sys
import time
from typing import Any

from .calls import acall, call, enter
from .crowd import crowd

__all__ = ["Worker"]

# LiteLLM logs a call after it has answered; what it does by then is the call's too.
SETTLE_SECONDS = 0.15
REPEATS = 4


class Worker:
    """One contestant with one event loop. Each public method is an order."""

    def __init__(self, contestant: str) -> None:
        self._contestant = contestant
        self._loop = asyncio.new_event_loop()

    def functions(self, base: str, *, times: int, stream: bool = False) -> float:
        """Calls of functions, Python's and C's, for each async call."""
        self._loop.run_until_complete(self._acalls(base, 1, stream))
        # The least: on a busy machine the loop takes turns of which nothing comes, and these are counted too.
        return min(self._functions(base, times, stream) for _ in range(REPEATS))

    def _functions(self, base: str, times: int, stream: bool) -> float:
        profile = cProfile.Profile()
        profile.enable()
        self._loop.run_until_complete(self._acalls(base, times, stream))
        profile.disable()
        total: int = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]  # not in typeshed
        return total / times

    def cpu(self, base: str, *, times: int, mode: str = "async", stream: bool = False, joined: bool = False) -> float:
        """CPU seconds for each call, all threads of this process; `joined` as a user asks for it."""
        os.environ["CODEX_AGENT_JOIN_TEXT"] = "on" if joined else "off"
        before = time.process_time()
        if mode == "async":
            self._loop.run_until_complete(self._acalls(base, times, stream))
        else:
            for _ in range(times):
                call(self._contestant, base, stream=stream)
            time.sleep(SETTLE_SECONDS)
        return (time.process_time() - before) / times

    def crowd(self, base: str, *, calls: int) -> dict[str, float]:
        """What many calls in flight at once take."""
        return self._loop.run_until_complete(crowd(lambda: acall(self._contestant, base, stream=False), calls))

    async def _acalls(self, base: str, times: int, stream: bool) -> None:
        for _ in range(times):
            await acall(self._contestant, base, stream=stream)
        await asyncio.sleep(SETTLE_SECONDS)


def _serve(contestant: str) -> None:
    # What a library prints must not come between the figures.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    enter(contestant)
    worker = Worker(contestant)
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        figure = getattr(worker, order.pop("task"))(order.pop("base"), **order)
        out.write(json.dumps(figure) + "\n")
        out.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
