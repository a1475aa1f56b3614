"""Chat completions as we write them: whole, and as the chunks of a stream.

Law: OpenAI's shape, and beside it one object, `codex_agent`. Each builder makes a new dict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .strict_json import quoted, write_json

__all__ = ["Head", "called", "chunk", "completion", "message", "text_chunk", "usage", "usage_chunk"]

# With more at once what is written once is written again, and costs what it would.
STREAMS = 2_000


@dataclass(frozen=True)
class Head:
    """What a completion and every one of its chunks begin with; `created` is in seconds since 1970."""

    id: str
    model: str
    created: int


def message(text: str, thoughts: str = "", calls: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """What the assistant says; `calls` are what `called` makes."""
    said: dict[str, Any] = {"role": "assistant", "content": text}
    if thoughts:
        said["reasoning_content"] = thoughts
    return {**said, "tool_calls": [dict(call) for call in calls]} if calls else said


def completion(
    head: Head,
    message: Mapping[str, Any],
    *,
    finish: str = "stop",
    usage: Mapping[str, Any],
    codex_agent: Mapping[str, Any],
) -> dict[str, Any]:
    """A whole answer; `message` and `usage` are what the functions of these names make."""
    choice = {"index": 0, "message": dict(message), "logprobs": None, "finish_reason": finish}
    return {
        **_head(head, "chat.completion"),
        "choices": [choice],
        "usage": dict(usage),
        "codex_agent": dict(codex_agent),
    }


def chunk(
    head: Head,
    delta: Mapping[str, Any],
    *,
    finish: str | None = None,
    codex_agent: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A piece of a stream: `{"role": "assistant"}`, `{"reasoning_content": ...}`, `{"content": ...}`, or the finish."""
    choice = {"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": finish}
    return {**_head(head, "chat.completion.chunk"), "choices": [choice], **_ours(codex_agent)}


def called(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    """A call of a client's tool; in a delta it has its `index` besides."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def text_chunk(head: Head, field: str, text: str) -> str:
    """`chunk(head, {field: text})` as JSON, where `field` is no field of the chunk itself.

    Streams are made of these, so all but the text is written once.
    """
    before, after = _around_text(head, field)
    return f"{before}{quoted(text)}{after}"


@lru_cache(maxsize=2 * STREAMS)
def _around_text(head: Head, field: str) -> tuple[str, str]:
    # Inside a string these quotes would be escaped, so they stand in the delta alone.
    before, empty, after = write_json(chunk(head, {field: ""})).decode().partition(f'"{field}":""')
    return before + empty[:-2], after


def usage_chunk(head: Head, usage: Mapping[str, Any]) -> dict[str, Any]:
    """The last chunk of a stream for those who asked for usage. It has no choices, as OpenAI's has none."""
    return {**_head(head, "chat.completion.chunk"), "choices": [], "usage": dict(usage)}


def usage(
    *,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    cost_usd: float | None = None,
    cached_tokens: int = 0,
    reasoning_tokens: int = 0,
) -> dict[str, Any]:
    """What a run took, from the fields of a backend's `Usage`. No cost is none that is known, not one of zero."""
    counts: dict[str, Any] = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
    if cached_tokens > 0:
        counts["prompt_tokens_details"] = {"cached_tokens": cached_tokens}
    if reasoning_tokens > 0:
        counts["completion_tokens_details"] = {"reasoning_tokens": reasoning_tokens}
    if cost_usd is not None:
        counts["cost"] = cost_usd
    return counts


def _head(head: Head, kind: str) -> dict[str, Any]:
    return {"id": head.id, "object": kind, "created": head.created, "model": head.model}


def _ours(codex_agent: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if codex_agent is None else {"codex_agent": dict(codex_agent)}
