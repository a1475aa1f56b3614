"""What the servers are loaded with: crowds of clients in this process, and what they saw beside what the server told.

A server's lateness is its event loop's, told by itself; a client's is the time of GET /health, seen from here.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from litellm_codex_agent.wire import sse
from tests.crowd import Answer, ask

from .served import TICK_SECONDS
from .steps import Plan

__all__ = ["Crowd", "Overload", "Server", "functions", "overload", "p99", "streams"]

START_SECONDS = 30.0
STOP_SECONDS = 10.0
# Often enough to see each stall that counts, and little beside the load.
HEALTH_SECONDS = 0.02
# Those that come one by one while the server is full.
LATE, LATE_SECONDS = 200, 0.01
CHAT = "/v1/chat/completions"


class Server:
    """A contestant as a process of its own."""

    def __init__(self, kind: str, slots: int, queue: int, **environment: str) -> None:
        self._state = tempfile.TemporaryDirectory()
        command = [sys.executable, "-m", "benchmarks.served", kind, str(slots), str(queue), self._state.name]
        self._log = (Path(self._state.name) / "log").open("w+")
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._log, text=True, env={**os.environ, **environment}
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._told()
        self.kind, self.url = kind, f"http://{line.rpartition('http://')[2].strip()}"

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self._process.kill()
        self._process.communicate()
        self._log.close()
        self._state.cleanup()

    async def order(self, name: str) -> Any:
        return (await ask(self.url, "POST", f"/bench/{name}")).json()

    async def run(self, plan: Plan) -> Answer:
        usage = {"include_usage": True}
        body = {"model": "steps", "messages": plan.messages, "stream": True, "stream_options": usage}
        return await ask(self.url, "POST", CHAT, body)

    def _told(self) -> str:
        self._log.seek(0)
        return self._log.read()


@dataclass(frozen=True)
class Crowd:
    """A load: all seconds, but for `resident` and `left`, the most bytes that the server had, and those afterwards."""

    cpu: float
    lag: float
    health: float
    resident: int
    left: int
    wrong: int = 0


@dataclass(frozen=True)
class Overload:
    """What the refused saw: in the burst, and one by one while the server was full."""

    crowd: Crowd
    admitted: int
    burst: Sequence[float]
    late: Sequence[float]


def p99(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def functions(server: Server, plan: Plan) -> float:
    """Calls of functions, Python's and C's, in the server's loop while it serves one such run."""

    async def count() -> float:
        await server.order("count")
        await server.run(plan)
        calls: float = await server.order("counted")
        return calls

    return asyncio.run(count())


def streams(server: Server, count: int, plan: Plan) -> Crowd:
    """So many streams at once, each checked when all have ended."""

    async def load() -> Crowd:
        async with _measured(server) as told:
            answers = await asyncio.gather(*(server.run(replace(plan, seed=seed)) for seed in range(count)))
        return _crowd(told, sum(not _is_whole(answer, plan) for answer in answers))

    return asyncio.run(load())


def overload(server: Server, places: int, clients: int) -> Overload:
    """All clients at once, of whom `places` are let in; then some one by one, and then the end of those inside."""
    held = Plan(steps=1, held=True)

    async def load() -> Overload:
        await server.order("shut")
        async with _measured(server) as told:
            asking = {asyncio.ensure_future(server.run(held)) for _ in range(clients)}
            burst = [await each for each in islice(asyncio.as_completed(asking), clients - places)]
            late = [await _later(server.run(held)) for _ in range(LATE)]
            inside = [each for each in asking if not each.done()]
            await server.order("open")
            answers = await asyncio.gather(*inside)
        right = sum(_is_whole(answer, held) for answer in answers)
        wrong = sum(answer.status != 429 for answer in (*burst, *late))
        crowd = _crowd(told, wrong + places - right)
        return Overload(crowd, right, [each.seconds for each in burst], [each.seconds for each in late])

    return asyncio.run(load())


async def _later(asking: Any) -> Answer:
    await asyncio.sleep(LATE_SECONDS)
    answer: Answer = await asking
    return answer


@asynccontextmanager
async def _measured(server: Server) -> AsyncIterator[dict[str, Any]]:
    """What the server and the clients of /health have to tell of the block, when it has ended."""
    told: dict[str, Any] = {}
    seen: list[float] = []
    await server.order("begin")
    watching = asyncio.ensure_future(_watch(server, seen))
    try:
        yield told
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        told.update(await server.order("end"), health=seen)


async def _watch(server: Server, seen: list[float]) -> None:
    while True:
        began = time.perf_counter()
        answer = await ask(server.url, "GET", "/health")
        assert answer.status == 200, answer
        seen.append(time.perf_counter() - began)
        await asyncio.sleep(HEALTH_SECONDS)


def _crowd(told: dict[str, Any], wrong: int) -> Crowd:
    return Crowd(told["cpu"], p99(_waits(told["lags"])), p99(told["health"]), told["most"], told["now"], wrong)


def _waits(lags: Sequence[float]) -> list[float]:
    """The lateness of every moment: one tick that was late hides those that would have come meanwhile."""
    return [late - n * TICK_SECONDS for late in lags for n in range(int(late / TICK_SECONDS) + 1)]


def _is_whole(answer: Answer, plan: Plan) -> bool:
    """Whether all events came, each once and in order."""
    events = sse.Decoder().feed(answer.body) if answer.status == 200 else []
    numbers = list(dict.fromkeys(event.id for event in events))
    return numbers == [str(number) for number in range(1, plan.events + 1)] and events[-1].data == b"[DONE]"
