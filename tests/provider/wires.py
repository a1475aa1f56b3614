"""Our transports without LiteLLM around them: a request, and its whole reply by each of the three ways."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx

from litellm_codex_agent.provider.aiohttp_transport import asend
from litellm_codex_agent.provider.request import Request
from litellm_codex_agent.provider.transport import aread, read, send

from ..endpoint import Lane
from .calls import ask

MODEL = "codex-agent/mini"
# The shipped ways, sync and async, and an async client that the caller brought.
WAYS = ("httpx", "aiohttp", "own client")
SHIPPED = ("httpx", "aiohttp")


@dataclass
class Got:
    status: int
    body: bytes


def request(url: str, **fields: Any) -> Request:
    known: dict[str, Any] = {
        "headers": {},
        "body": {"messages": [{"role": "user", "content": "hi"}]},
        "model": "mini",
        "provider": "codex-agent",
        "timeout": httpx.Timeout(5),
        "tls": True,
        "logging": None,
        "params": {},
    }
    return Request(url=url, **{**known, **fields})


def fetch(way: str, url: str, **fields: Any) -> Got:
    """The whole reply; async in a loop of its own."""
    if way == "httpx":
        answer = send(request(url, **fields))
        return Got(answer.status, read(answer))
    return asyncio.run(afetch(way, url, **fields))


async def afetch(way: str, url: str, **fields: Any) -> Got:
    if way == "aiohttp":
        answer = await asend(request(url, **fields))
        return Got(answer.status, await aread(answer))
    async with httpx.AsyncClient() as client:
        answer = await asend(request(url, client=client, **fields))
        return Got(answer.status, await aread(answer))


def greets(mode: str, lane: Lane, **call: Any) -> bool:
    """Whether the lane's greeting comes back by LiteLLM."""
    return bool(ask(mode, lane, **call).choices[0].message.content == "Hello there")


def call(lane: Lane, text: str = "hi") -> dict[str, Any]:
    """What a call to LiteLLM takes, but for the model."""
    return {"api_base": lane.base, "messages": [{"role": "user", "content": text}]}
