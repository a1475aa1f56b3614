"""One call in each of the four modes, by LiteLLM itself and without a Router, and its answer as one reply."""

from __future__ import annotations

import asyncio
from typing import Any

import litellm

from ..answers import chunks, completion
from ..endpoint import Asked, Connection, Endpoint, Lane, reply, stream

MODES = ("completion", "acompletion", "streaming", "astreaming")
MESSAGES = [{"role": "user", "content": "hi"}]


def hello(endpoint: Endpoint) -> Lane:
    """A lane that answers "Hello there", streamed where it is asked for a stream."""
    return speaking(endpoint, {"content": "Hello there"})


def speaking(endpoint: Endpoint, message: dict[str, Any], **fields: Any) -> Lane:
    """A lane that answers `message`, streamed where it is asked for a stream."""
    whole, streamed = reply(completion(message, **fields)), stream(*chunks(message, **fields))

    def act(connection: Connection) -> None:
        (streamed if wants_stream(connection.asked) else whole)(connection)

    return endpoint.lane(act)


def wants_stream(asked: Asked) -> bool:
    return asked.method == "POST" and asked.json.get("stream") is True


def ask(mode: str, lane: Lane | None, model: str = "codex-agent/mini", **call: Any) -> Any:
    """The reply to one call; a stream is read to its end and built into one."""
    if lane is not None:
        call.setdefault("api_base", lane.base)
    call.setdefault("messages", MESSAGES)
    if mode == "completion":
        return litellm.completion(model=model, **call)
    if mode == "streaming":
        return litellm.stream_chunk_builder(list(litellm.completion(model=model, stream=True, **call)))
    return asyncio.run(_ask(mode, model, call))


async def _ask(mode: str, model: str, call: dict[str, Any]) -> Any:
    if mode == "acompletion":
        return await litellm.acompletion(model=model, **call)
    parts = await litellm.acompletion(model=model, stream=True, **call)
    return litellm.stream_chunk_builder([part async for part in parts])
