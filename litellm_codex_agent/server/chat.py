"""A run's events as a chat completion: whole, or as the chunks of a stream."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from ..backends.events import Backend, Chat, Done, Text, Thought
from ..wire import sse

__all__ = ["BadChat", "read_chat", "streamed", "whole"]


class BadChat(ValueError):
    """A request body that is not a chat; the message names the field."""


def read_chat(body: bytes) -> tuple[Chat, bool, bool]:
    """The chat, whether to stream it, and whether a stream ends with its usage."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadChat("The request body is not JSON.") from error
    if not isinstance(asked, dict):
        raise BadChat("The request body has to be a JSON object.")
    model, messages = asked.get("model"), asked.get("messages")
    if not isinstance(model, str) or not model:
        raise BadChat("`model` has to be the name of a model, as in GET /v1/models.")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        raise BadChat("`messages` has to be a list of at least one message.")
    options = asked.get("stream_options") or {}
    wants_usage = isinstance(options, dict) and options.get("include_usage") is True
    return Chat(model, messages), asked.get("stream") is True, wants_usage


async def whole(backend: Backend, chat: Chat) -> dict[str, Any]:
    """The run's answer as one completion."""
    events = [event async for event in backend(chat)]
    done = next(event for event in events if isinstance(event, Done))
    message = {
        "role": "assistant",
        "content": "".join(event.text for event in events if isinstance(event, Text)),
        "reasoning_content": "".join(event.text for event in events if isinstance(event, Thought)),
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {**_head(chat, "chat.completion"), "choices": [choice], "usage": _usage(done)}


async def streamed(backend: Backend, chat: Chat, *, usage: bool) -> AsyncIterator[bytes]:
    """The run's events as they come, then its finish, its usage if asked for, and the end mark."""
    head = _head(chat, "chat.completion.chunk")
    yield _event(head, {"role": "assistant", "content": ""})
    async with aclosing(backend(chat)) as events:
        async for event in events:
            if isinstance(event, Done):
                yield _event(head, {}, finish="stop")
                if usage:
                    yield sse.encode(json.dumps({**head, "choices": [], "usage": _usage(event)}))
            else:
                yield _event(head, _delta(event))
    yield sse.encode("[DONE]")


def _head(chat: Chat, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": chat.model}


def _delta(event: Thought | Text) -> Mapping[str, Any]:
    return {"reasoning_content": event.text} if isinstance(event, Thought) else {"content": event.text}


def _event(head: dict[str, Any], delta: Mapping[str, Any], *, finish: str | None = None) -> bytes:
    return sse.encode(json.dumps({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}))


def _usage(done: Done) -> dict[str, int]:
    total = done.prompt_tokens + done.completion_tokens
    return {
        "prompt_tokens": done.prompt_tokens,
        "completion_tokens": done.completion_tokens,
        "total_tokens": total,
    }
