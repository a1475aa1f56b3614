"""OpenAI's own Python client, unchanged, with a server of ours: a scene is written once, for sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import openai
from openai import AsyncOpenAI, OpenAI

from ..backends.program import Program
from ..backends.scripts import Case, Step

__all__ = ["HELLO", "KEY", "PATIENCE", "SOON", "WAYS", "Ask", "aeverything", "asking", "chat", "scripted"]

KEY = "sk-key-of-the-server-1234"
# Every wait of these tests ends here at the latest.
PATIENCE = 30.0
# A server notices at once that its client has left; a busy machine takes its time.
SOON = 5.0
HELLO: Any = [{"role": "user", "content": "one two three"}]
WAYS = ("sync", "async")

Ask = Callable[..., Any]


def asking(server: Program, way: str) -> Ask:
    """What a scene makes of a client: an answer, or all the chunks of one."""

    def ask(scene: Callable[[Any], Any], **options: Any) -> Any:
        given = {"base_url": f"{server.url}/v1", "api_key": KEY, "max_retries": 0, "timeout": PATIENCE, **options}
        return (_ask if way == "sync" else _aask)(scene, given)

    return ask


def _ask(scene: Callable[[Any], Any], options: dict[str, Any]) -> Any:
    with OpenAI(**options) as client:
        answer = scene(client)
        return list(answer) if isinstance(answer, openai.Stream) else answer


def _aask(scene: Callable[[Any], Any], options: dict[str, Any]) -> Any:
    async def asked() -> Any:
        async with AsyncOpenAI(**options) as client:
            return await aeverything(await scene(client))

    return asyncio.run(asked())


async def aeverything(answer: Any) -> Any:
    return [chunk async for chunk in answer] if isinstance(answer, openai.AsyncStream) else answer


def chat(**fields: Any) -> Callable[[Any], Any]:
    return lambda client: client.chat.completions.create(**fields)


def scripted(*runs: list[Step]) -> tuple[Case, dict[str, Any]]:
    """A case, and the fields that ask for it."""
    case = Case(*runs)
    return case, {"model": "scripted", "messages": case.messages}
