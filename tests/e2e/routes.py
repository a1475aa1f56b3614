"""The three wires a client may speak to a proxy, each with what it sends and how its answers are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litellm_codex_agent.wire.sse import Decoder

__all__ = ["Answer", "CHAT", "MESSAGES", "QUESTION", "RESPONSES", "ROUTES", "Route", "events"]

QUESTION = "What is there?"

_SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}
_ASKED = [{"role": "user", "content": QUESTION}]


@dataclass(frozen=True)
class Answer:
    """What a client got, whichever wire it came on. Tool calls as (name, arguments), usage as (in, out)."""

    text: str
    reasoning: str
    calls: list[tuple[str, Any]]
    usage: tuple[int, int]


@dataclass(frozen=True)
class Route:
    """A path of the proxy, the least that a request for it needs, a tool in its words, and its two readers."""

    name: str
    path: str
    asked: dict[str, Any]
    tool: dict[str, Any]
    whole: Callable[[Any], Answer]
    streamed: Callable[[list[Any]], Answer]


def events(body: bytes) -> list[Any]:
    """The data of each event of a stream."""
    decoder = Decoder()
    return [json.loads(event.data) for event in [*decoder.feed(body), *decoder.close()] if event.data != b"[DONE]"]


def _chat(body: Any) -> Answer:
    message, usage = body["choices"][0]["message"], body["usage"]
    calls = [_called(**call["function"]) for call in message.get("tool_calls") or ()]
    counts = usage["prompt_tokens"], usage["completion_tokens"]
    return Answer(message.get("content") or "", message.get("reasoning_content") or "", calls, counts)


def _chat_chunks(chunks: list[Any]) -> Answer:
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    pieces = [call["function"] for delta in deltas for call in delta.get("tool_calls") or ()]
    message = {
        "content": _joined(deltas, "content"),
        "reasoning_content": _joined(deltas, "reasoning_content"),
        "tool_calls": [{"function": {name: _joined(pieces, name) for name in ("name", "arguments")}}] if pieces else [],
    }
    usage = next(chunk["usage"] for chunk in chunks if chunk.get("usage"))
    return _chat({"choices": [{"message": message}], "usage": usage})


def _responses(body: Any) -> Answer:
    items = body["output"]
    calls = [_called(item["name"], item["arguments"]) for item in items if item["type"] == "function_call"]
    usage = body["usage"]["input_tokens"], body["usage"]["output_tokens"]
    return Answer(_said(items, "message"), _said(items, "reasoning"), calls, usage)


def _responses_events(told: list[Any]) -> Answer:
    """Told twice by the wire, in deltas and in the last event: the deltas must say what the end says."""
    whole = _responses(told[-1]["response"])
    text = _joined([event for event in told if event["type"] == "response.output_text.delta"], "delta")
    reasoning = _joined([event for event in told if event["type"] == "response.reasoning_summary_text.delta"], "delta")
    assert (text, reasoning) == (whole.text, whole.reasoning)
    return whole


def _messages(body: Any) -> Answer:
    blocks = body["content"]
    calls = [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
    usage = body["usage"]["input_tokens"], body["usage"]["output_tokens"]
    return Answer(_joined(blocks, "text"), _joined(blocks, "thinking"), calls, usage)


def _messages_events(told: list[Any]) -> Answer:
    blocks = [event["content_block"] for event in told if event["type"] == "content_block_start"]
    deltas = [event["delta"] for event in told if event["type"] == "content_block_delta"]
    for block in blocks:
        if block["type"] == "tool_use":
            block["input"] = json.loads(_joined(deltas, "partial_json"))
    ended = next(event for event in told if event["type"] == "message_delta")
    return _messages({"content": [*blocks, *({**delta, "type": "delta"} for delta in deltas)], "usage": ended["usage"]})


def _called(name: str, arguments: str) -> tuple[str, Any]:
    return name, json.loads(arguments)


def _joined(parts: list[dict[str, Any]], name: str) -> str:
    return "".join(part.get(name) or "" for part in parts)


def _said(items: list[Any], kind: str) -> str:
    return "".join(part["text"] for item in items if item["type"] == kind for part in item["content"])


CHAT = Route(
    "chat",
    "/v1/chat/completions",
    {"messages": _ASKED},
    {"type": "function", "function": {"name": "look", "parameters": _SCHEMA}},
    _chat,
    _chat_chunks,
)
RESPONSES = Route(
    "responses",
    "/v1/responses",
    {"input": QUESTION},
    {"type": "function", "name": "look", "parameters": _SCHEMA},
    _responses,
    _responses_events,
)
MESSAGES = Route(
    "messages",
    "/v1/messages",
    {"messages": _ASKED, "max_tokens": 50},
    {"name": "look", "input_schema": _SCHEMA},
    _messages,
    _messages_events,
)
ROUTES = (CHAT, RESPONSES, MESSAGES)
