"""A relay between a real agent's client and a scripted endpoint, both on sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from litellm_codex_agent.backends.events import Usage
from litellm_codex_agent.relay.meter import Limits, Meter
from litellm_codex_agent.relay.relay import Relay
from litellm_codex_agent.relay.seats import Seat
from litellm_codex_agent.relay.upstream import Upstream

from ..endpoint import Act, Lane
from ..responses_endpoint import USAGE, conversations, say, think, turn

__all__ = [
    "ASKED",
    "KEY",
    "PATIENCE",
    "USED",
    "WHOLE",
    "Stage",
    "asked",
    "bounded",
    "hello",
    "play",
    "stage",
    "until",
    "warnings",
]

PATIENCE = 20.0
KEY = "sk-upstream-0123456789abcdef"
ASKED: dict[str, Any] = {"model": "m", "input": "script:main", "stream": True}
WHOLE: dict[str, Any] = {"object": "response", "status": "completed", "output": [], "usage": USAGE}
# What each of `hello` and `WHOLE` takes.
USED = Usage(1000, 50, None, 100, 20)


@dataclass
class Stage:
    relay: Relay
    seat: Seat
    meter: Meter
    agent: httpx.AsyncClient
    lane: Lane

    async def ask(self, path: str = "/v1/responses", **more: Any) -> httpx.Response:
        """A whole reply."""
        return await self.agent.post(path, **({"json": ASKED} | more))


def hello() -> Act:
    """What the endpoint answers."""
    return conversations({"main": [turn(think("Hm."), say("Hello there."))]})


@asynccontextmanager
async def stage(
    lane: Lane,
    *,
    upstream: Upstream | None = None,
    meter: Meter | None = None,
    path: Path | None = None,
    silence: float = PATIENCE,
) -> AsyncIterator[Stage]:
    async with Relay(path, silence=silence) as relay:
        seat = relay.seat(upstream or Upstream(lane.base, KEY))
        seat.meter = meter = meter or Meter()
        way = httpx.AsyncHTTPTransport(uds=str(path) if path else None)
        base, headers = "http://relay" if path else relay.address, {"authorization": f"Bearer {seat.token}"}
        async with httpx.AsyncClient(transport=way, base_url=base, headers=headers, timeout=PATIENCE) as agent:
            yield Stage(relay, seat, meter, agent, lane)


def play(lane: Lane, scene: Callable[[Stage], Awaitable[Any]], **given: Any) -> Any:
    """The scene on a stage of its own, within its time; and nothing is left when it is over."""

    async def run() -> Any:
        before = asyncio.all_tasks()
        async with stage(lane, **given) as set_up:
            result = await scene(set_up)
        await until(lambda: asyncio.all_tasks() == before)
        return result

    return asyncio.run(bounded(run()))


def asked(
    lane: Lane, path: str = "/v1/responses", *, limits: Limits | None = None, **more: Any
) -> tuple[httpx.Response, Meter]:
    """One request and its whole reply, and the meter after it."""

    async def scene(on: Stage) -> tuple[httpx.Response, Meter]:
        return await on.ask(path, **more), on.meter

    return play(lane, scene, meter=Meter(limits or Limits()))


async def bounded(scene: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(scene, 2 * PATIENCE)


async def until(seen: Callable[[], bool]) -> None:
    """Wait until it is seen, within the scene's time."""
    while not seen():
        await asyncio.sleep(0.005)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says that an operator would wonder about."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
