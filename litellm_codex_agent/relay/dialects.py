"""What a model's reply tells beside its answer: usage, a failure, its end. Three dialects. Pure.

Law: what is not known changes nothing, and no count of another's is believed that is not one. Of LiteLLM 1.106 it was
measured that whole replies tell their cost in a header, and streams in `usage.cost`; that `usage.cost` is null in a
whole reply; and that a stream of Messages tells 0 where there is no price, so a cost of 0 is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..backends.events import Failure, Usage
from ..errors import Refusal
from ..wire.chat import refusal_of

__all__ = ["DIALECTS", "Dialect", "Told", "code_of", "cost_of"]

_UNSAID = "The model's endpoint says that it failed, and not why."
# The codes and types of OpenAI, Anthropic and LiteLLM; what is not here is a 500, which may be tried again.
_STATUS = {
    "authentication_error": 401,
    "billing_error": 402,
    "content_filter": 400,
    "context_length_exceeded": 400,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "model_not_found": 404,
    "not_found_error": 404,
    "overloaded_error": 529,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "request_too_large": 413,
    "server_is_overloaded": 503,
    "slow_down": 503,
    "throttling_error": 429,
    "timeout_error": 504,
}


@dataclass(frozen=True)
class Told:
    """What a reply has told so far. `whole`: the answer is there. `ended`: nothing more will be told."""

    usage: Usage | None = None
    failure: Failure | None = None
    whole: bool = False
    ended: bool = False


Fold = Callable[[Told, Mapping[str, Any]], Told]


class Dialect(NamedTuple):
    """How to read one event of a stream after the others, and how a reply that is no stream."""

    event: Fold
    reply: Fold


class _Names(NamedTuple):
    prompt: str
    completion: str
    of_prompt: str
    of_completion: str


_RESPONSES = _Names("input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details")
_CHAT = _Names("prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details")
_RESPONSE_ENDS = ("response.completed", "response.incomplete", "response.failed")


def cost_of(value: object) -> float | None:
    """A cost in dollars, as a number or as a header says it; None where it is none that can be added."""
    try:
        cost = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        return None
    return cost if math.isfinite(cost) and cost > 0 else None


def code_of(refusal: Refusal) -> str:
    """The word for what went wrong; LiteLLM says the status once more where OpenAI has it."""
    return refusal.type if refusal.code.isdecimal() else refusal.code or refusal.type


def _response_event(told: Told, event: Mapping[str, Any]) -> Told:
    response = event.get("response")
    if event.get("type") in _RESPONSE_ENDS and isinstance(response, Mapping):
        return _response(told, response)
    return _with_error(told, event)


def _response(told: Told, response: Mapping[str, Any]) -> Told:
    usage = _counted(response.get("usage"), _RESPONSES) or told.usage
    failed = _failure(response) if response.get("error") or response.get("status") == "failed" else None
    return Told(usage, failed or told.failure, whole=True, ended=True)


def _chat(told: Told, chunk: Mapping[str, Any]) -> Told:
    told = replace(told, usage=_counted(chunk.get("usage"), _CHAT) or told.usage)
    choices = chunk.get("choices")
    if isinstance(choices, list) and any(isinstance(one, Mapping) and one.get("finish_reason") for one in choices):
        told = replace(told, whole=True)
    return _with_error(told, chunk)


def _message_event(told: Told, event: Mapping[str, Any]) -> Told:
    kind = event.get("type")
    if kind == "message_stop":
        return replace(told, whole=True, ended=True)
    message = event.get("message") if kind == "message_start" else event
    return _with_error(_message(told, message) if isinstance(message, Mapping) else told, event)


def _message(told: Told, message: Mapping[str, Any]) -> Told:
    """Its counts are of the whole message so far; one that only tells the answer's leaves the prompt's."""
    counts = message.get("usage")
    if not isinstance(counts, Mapping):
        return told
    usage = told.usage or Usage()
    if "input_tokens" in counts:
        cached = _count(counts, "cache_read_input_tokens")
        asked = _count(counts, "input_tokens") + _count(counts, "cache_creation_input_tokens") + cached
        usage = replace(usage, prompt_tokens=asked, cached_tokens=cached)
    if "output_tokens" in counts:
        usage = replace(usage, completion_tokens=_count(counts, "output_tokens"))
    return replace(told, usage=replace(usage, cost_usd=cost_of(counts.get("cost")) or usage.cost_usd))


def _message_reply(told: Told, message: Mapping[str, Any]) -> Told:
    return _with_error(_message(told, message), message)


def _with_error(told: Told, value: Mapping[str, Any]) -> Told:
    if value.get("error") or value.get("type") == "error":
        return replace(told, failure=_failure(value), whole=True, ended=True)
    return told


def _failure(value: Mapping[str, Any]) -> Failure:
    # Where there is no error object the words stand beside the rest, in which no other name may be taken for one.
    words = {name: value.get(name) for name in ("message", "code", "status")}
    said = refusal_of({"error": value["error"]} if value.get("error") else words)
    status = said.status or _STATUS.get(said.code) or _STATUS.get(said.type) or 500
    return Failure(status, said.message or _UNSAID, code_of(said))


def _counted(usage: object, names: _Names) -> Usage | None:
    if not isinstance(usage, Mapping):
        return None
    asked, answered = usage.get(names.of_prompt), usage.get(names.of_completion)
    return Usage(
        _count(usage, names.prompt),
        _count(usage, names.completion),
        cost_of(usage.get("cost")),
        _count(asked, "cached_tokens"),
        _count(answered, "reasoning_tokens"),
    )


def _count(counts: object, name: str) -> int:
    value = counts.get(name) if isinstance(counts, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


_OF_RESPONSES = Dialect(_response_event, _response)
# By route. What is not here is no call of a model: it is neither counted nor read.
DIALECTS: Mapping[str, Dialect] = {
    "/v1/chat/completions": Dialect(_chat, _chat),
    "/v1/messages": Dialect(_message_event, _message_reply),
    "/v1/responses": _OF_RESPONSES,
    "/v1/responses/compact": _OF_RESPONSES,
}
