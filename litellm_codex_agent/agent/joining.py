"""A streamed answer, put together from LiteLLM's chunks: pieces as they come, then the whole. Pure.

Law: no call is lost. A piece that brings another id and a name begins a new call, even where an endpoint counts all of
them as the first; and one without an id is given one, since its result has to name it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from ..backends.events import Usage
from ..errors import BrokenReply
from .model import Mused, Piece, RawCall, Reply, Said

__all__ = ["Answer", "Calls", "MAX_ANSWER_CHARS"]

# Far more than any model's own limit of a million tokens or so lets it say.
MAX_ANSWER_CHARS = 8 * 1024 * 1024
# The name of arguments that are no JSON, in the turn that goes back.
_UNREADABLE = "unreadable"
# What of a turn has to go back as it came: Anthropic signs its thinking, and Gemini its calls.
_KEPT = ("reasoning_content", "thinking_blocks", "provider_specific_fields")


class Answer:
    """What has been heard of one answer."""

    def __init__(self) -> None:
        self.chunks: list[Any] = []
        self._texts: list[str] = []
        self._calls = Calls()
        self._refused = False
        self._size = 0

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def hear(self, chunk: Any) -> Iterator[Piece]:
        """Its pieces. Raises `BrokenReply` where a model does not come to an end."""
        self.chunks.append(chunk)
        for choice in chunk.choices[:1]:
            delta = choice.delta
            if thought := getattr(delta, "reasoning_content", None):
                yield Mused(thought)
            refusal = getattr(delta, "refusal", None)
            self._refused = self._refused or bool(refusal)
            if text := delta.content or refusal:
                self._texts.append(text)
                yield Said(text)
            calls = [call.model_dump() for call in delta.tool_calls or ()]
            self._calls.hear(calls)
            self._size += len(text or "") + len(thought or "") + sum(_size(call) for call in calls)
            if self._size > MAX_ANSWER_CHARS:
                raise BrokenReply(f"The model said more than {MAX_ANSWER_CHARS:,} letters, and no end was to be seen.")

    def reply(self, built: Any) -> Reply:
        """`built` is the whole as LiteLLM has it, with its count; None where nothing came."""
        calls, text = self._calls.joined(), self.text
        told = built.choices[0].message.model_dump() if built else {}
        raw = tuple(RawCall(call["id"], **call["function"]) for call in calls)
        return Reply(_turn(told, text, calls), text, raw, self._finish(built, bool(calls)), _usage(built))

    def refused(self) -> Reply:
        """What has been said, where the endpoint will not go on."""
        return Reply(_turn({}, self.text, ()), self.text, finish="content_filter")

    def _finish(self, built: Any, calls: bool) -> str:
        if self._refused:
            return "content_filter"
        finish = str(built.choices[0].finish_reason) if built else ""
        return finish if finish in ("length", "content_filter") else "tool_calls" if calls else "stop"


class Calls:
    """The calls of one answer, in the order in which they began."""

    def __init__(self) -> None:
        self._all: list[dict[str, Any]] = []
        self._open: dict[int, dict[str, Any]] = {}

    def hear(self, pieces: Iterable[Mapping[str, Any]]) -> None:
        for piece in pieces:
            function = piece.get("function") or {}
            call = self._of(piece, str(function.get("name") or ""))
            call["arguments"].append(str(function.get("arguments") or ""))
            call["id"] = call["id"] or piece.get("id") or ""
            call["name"] = call["name"] or function.get("name") or ""
            call["fields"].update(function.get("provider_specific_fields") or {})
            call["fields"].update(piece.get("provider_specific_fields") or {})

    def _of(self, piece: Mapping[str, Any], name: str) -> dict[str, Any]:
        index = piece.get("index") or 0
        call = self._open.get(index)
        other = call and call["id"] and piece.get("id") and piece["id"] != call["id"]
        if call is None or (other and name):
            call = {"id": "", "name": "", "arguments": [], "fields": {}}
            self._open[index] = call
            self._all.append(call)
        return call

    def joined(self) -> list[dict[str, Any]]:
        """As OpenAI has them in a message."""
        return [_call(call) for call in self._all]


def _size(piece: Mapping[str, Any]) -> int:
    return len((piece.get("function") or {}).get("arguments") or "")


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": call["name"], "arguments": "".join(call["arguments"]) or "{}"}
    joined = {"id": call["id"] or f"call_{uuid4().hex}", "type": "function", "function": function}
    return {**joined, "provider_specific_fields": dict(call["fields"])} if call["fields"] else joined


def _turn(told: Mapping[str, Any], text: str, calls: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The model's turn as it goes back to it; `told` is the message as LiteLLM has it."""
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = [_sendable(call) for call in calls]
    return {**message, **{name: told[name] for name in _KEPT if told.get(name)}}


def _sendable(call: Mapping[str, Any]) -> Mapping[str, Any]:
    """The call, with arguments that a reader of JSON can take: LiteLLM reads them again for most providers."""
    function = call["function"]
    try:
        if isinstance(json.loads(function["arguments"]), dict):
            return call
    except (ValueError, RecursionError):
        pass  # its result says so, and what was written stays to be seen
    return {**call, "function": {**function, "arguments": json.dumps({_UNREADABLE: function["arguments"]})}}


def _usage(built: Any) -> Usage:
    used = getattr(built, "usage", None)
    asked, said = (getattr(used, f"{which}_tokens_details", None) for which in ("prompt", "completion"))
    # What has no price costs nothing to LiteLLM; here it is not known.
    cost = getattr(built, "_hidden_params", {}).get("response_cost") or None
    return Usage(
        prompt_tokens=getattr(used, "prompt_tokens", None) or 0,
        completion_tokens=getattr(used, "completion_tokens", None) or 0,
        cost_usd=cost,
        cached_tokens=getattr(asked, "cached_tokens", None) or 0,
        reasoning_tokens=getattr(said, "reasoning_tokens", None) or 0,
    )
