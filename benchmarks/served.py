"""A contestant among the servers, as a process of its own: `python -m benchmarks.served ours|bare SLOTS QUEUE STATE`.

Beside what it serves, it tells of itself at /bench: its CPU, its memory, how late its event loop is. The same
probe is in both, so that what it costs is no difference between them.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import logging
import os
import pstats
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from litellm_codex_agent import settings
from litellm_codex_agent.server import listening, serving
from litellm_codex_agent.server.app import make_app

from .bare import Bare
from .steps import Steps

__all__ = ["Probe"]

# How often the loop is asked for its attention; what it is late by is what any other task would wait.
TICK_SECONDS = 0.005
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Probe:
    """Answers at /bench/<order>, and passes all else on."""

    def __init__(self, app: ASGIApp, gate: asyncio.Event) -> None:
        self._app = app
        self._gate = gate
        self._lags: list[float] = []
        self._resident: list[int] = []
        self._cpu = 0.0
        self._watching: asyncio.Future[None] | None = None
        self._profile: cProfile.Profile | None = None
        self._orders: dict[str, Callable[[], Any]] = {
            "begin": self._begin,
            "end": self._end,
            "open": gate.set,
            "shut": gate.clear,
            "count": self._count,
            "counted": self._counted,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope.get("path", "").startswith("/bench/"):
            await self._app(scope, receive, send)
            return
        told = json.dumps(self._orders[scope["path"].removeprefix("/bench/")]()).encode()
        headers = [(b"content-length", b"%d" % len(told))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told})

    def _begin(self) -> None:
        self._lags, self._resident = [], []
        self._cpu = time.process_time()
        self._watching = asyncio.ensure_future(self._watch())

    def _end(self) -> dict[str, Any]:
        assert self._watching is not None
        cpu = time.process_time() - self._cpu
        self._watching.cancel()
        return {"cpu": cpu, "lags": self._lags, "most": max(self._resident), "now": _resident()}

    async def _watch(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            self._lags.append(max(time.perf_counter() - before - TICK_SECONDS, 0.0))
            self._resident.append(_resident())

    def _count(self) -> None:
        self._profile = cProfile.Profile()
        self._profile.enable()

    def _counted(self) -> int:
        assert self._profile is not None
        self._profile.disable()
        if where := os.environ.get("BENCH_PROFILE"):
            self._profile.dump_stats(where)
        calls: int = pstats.Stats(self._profile).total_calls  # type: ignore[attr-defined]  # not in typeshed
        return calls


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


def _ours(slots: str, queue: str, state: str) -> None:
    given = {"CODEX_AGENT_MAX_RUNS": slots, "CODEX_AGENT_MAX_QUEUE": queue, "CODEX_AGENT_STATE": state}
    config = settings.server(given)
    gate = asyncio.Event()
    app = make_app(config, {Steps.name: Steps(gate)})
    serving.serve(Probe(app, gate), bind=listening.Bind(config.host, 0, ""), drain=app.drain)


def _bare(slots: str, queue: str, _: str) -> None:
    gate = asyncio.Event()
    (listener,) = listening.listen("127.0.0.1", 0)
    print(listening.url_of(listener), flush=True)
    app = Probe(Bare(int(slots) + int(queue), gate), gate)
    # As ours is: what is compared is what is in the application.
    config = uvicorn.Config(app, http="h11", ws="none", lifespan="off", log_level="warning", access_log=False)
    config.backlog = listening.BACKLOG
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    logging.captureWarnings(True)
    {"ours": _ours, "bare": _bare}[sys.argv[1]](*sys.argv[2:])
