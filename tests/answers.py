"""Chat completions as an endpoint sends them: whole, and as the chunks of a stream."""

from __future__ import annotations

from typing import Any

from .endpoint import DONE, event

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def completion(*messages: dict[str, Any], finish: str = "stop", usage: Any = USAGE, **fields: Any) -> dict[str, Any]:
    """A whole reply: a choice for each message."""
    choices = [
        {"index": n, "message": {"role": "assistant", **message}, "finish_reason": finish}
        for n, message in enumerate(messages or ({"content": "Hello there"},))
    ]
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "upstream-name", "choices": choices}
    return {**body, **({"usage": usage} if usage else {}), **fields}


def chunk(delta: dict[str, Any], *, index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """One chunk with one choice."""
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "upstream-name",
        "choices": [choice],
        **fields,
    }


def chunks(*deltas: dict[str, Any], finish: str = "stop", usage: Any = USAGE) -> list[bytes]:
    """A whole stream: its deltas, the finish, the usage, [DONE]."""
    parts = [event(chunk({"role": "assistant", "content": ""})), *(event(chunk(delta)) for delta in deltas)]
    parts.append(event(chunk({}, finish=finish)))
    if usage:
        parts.append(event({**chunk({}), "choices": [], "usage": usage}))
    return [*parts, DONE]


def error(message: str, *, code: Any = None, type: str = "api_error", param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def tool_call(name: str = "f", arguments: str = '{"x":1}', *, id: str = "call_1", **fields: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **fields}
