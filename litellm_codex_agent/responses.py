"""Helpers for what LiteLLM gives back: objects or dicts, whole or streamed. Nothing of LiteLLM is imported for them."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Any

__all__ = ["assemble_stream_text", "augment_json_with_cost", "extract_content"]


def extract_content(response: Any) -> str:
    """The text of the first choice, of a reply or of a chunk; "" where it has none, as with a tool call."""
    choices = _get(response, "choices")
    if not isinstance(choices, Sequence) or not choices:
        return ""
    part = _get(choices[0], "message") or _get(choices[0], "delta")
    return _text(_get(part, "content"))


async def assemble_stream_text(stream: AsyncIterable[Any]) -> str:
    """The whole text of a stream's first choice. A stream that fails raises: half an answer is none."""
    return "".join([extract_content(chunk) async for chunk in stream if _index(chunk) == 0])


def augment_json_with_cost(text: str, response: Any) -> str:
    """A JSON object as text, with `cost` and `usage` of the response put beside its own fields under `_litellm`.

    Text that is no JSON object comes back under `content`, so that the result always is one.
    """
    spent = {"cost": _cost(response), "usage": _usage(response), "model": _get(response, "model")}
    told = {name: part for name, part in spent.items() if part is not None}
    try:
        return _beside(json.loads(text), told)
    except (ValueError, RecursionError):
        return _beside(text, told)


def _beside(value: Any, spent: dict[str, Any]) -> str:
    # Python reads and writes NaN and Infinity, which are no JSON: refused here, so that they stay text.
    fields = value if isinstance(value, dict) else {"content": value}
    return json.dumps({**fields, "_litellm": spent}, allow_nan=False)


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "".join(_text(_get(part, "text")) for part in content)
    return ""


def _index(chunk: Any) -> int:
    choices = _get(chunk, "choices")
    return (_get(choices[0], "index") or 0) if choices else 0


def _cost(response: Any) -> float | None:
    cost = _get(_get(response, "_hidden_params"), "response_cost")
    if cost is None:
        cost = _get(_get(response, "usage"), "cost")
    return float(cost) if isinstance(cost, (int, float)) and math.isfinite(cost) else None


def _usage(response: Any) -> dict[str, int] | None:
    usage = _get(response, "usage")
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    counts = {name: _get(usage, name) for name in names}
    found = {name: count for name, count in counts.items() if isinstance(count, int)}
    return found or None
