"""The body of POST /v1/chat/completions: every field of OpenAI's, typed, and one of ours, `codex_agent`.

Law: a field that is not here is refused by its name. One that is here may still be refused by the backend,
which knows what it can honour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .messages import CONTENT, FUNCTION, MESSAGES, MODEL, RESPONSE_FORMAT, SESSION_ID, TOOL_CHOICE, TOOLS, WORKSPACE
from .requests import checked, digest, without_null
from .schema import Schema
from .shapes import (
    ABOVE_ZERO,
    AT_LEAST_ONE,
    FLAG,
    MAX_COUNT,
    NAME,
    OPEN,
    TEXT,
    closed,
    having,
    list_of,
    one_of,
    optional,
)
from .strict_json import read_json

__all__ = ["CHAT", "ChatRequest", "PARAMETERS", "read_chat"]

_PENALTY: Schema = {"type": "number", "minimum": -2, "maximum": 2}
_SEED: Schema = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
_BUDGETS = {
    "max_seconds": ABOVE_ZERO,
    "max_iterations": AT_LEAST_ONE,
    "max_tool_calls": AT_LEAST_ONE,
    "max_total_tokens": AT_LEAST_ONE,
    "max_cost_usd": ABOVE_ZERO,
}
_OPTIONS: Mapping[str, Schema] = {
    "workspace": WORKSPACE,
    "session_id": SESSION_ID,
    "budgets": closed({name: optional(budget) for name, budget in _BUDGETS.items()}),
    "permissions": one_of("read-only", "edit", "full", "ask"),
    "pace": {
        "description": "For a replay: 1 as it was recorded, 2 at half that speed, 0 without waiting.",
        "type": "number",
        "minimum": 0,
        "maximum": MAX_COUNT,
    },
}
# Where OpenAI lists words that grow with each model (efforts, tiers), any word passes: the model knows its own.
PARAMETERS: Mapping[str, Schema] = {
    "audio": OPEN,
    "frequency_penalty": _PENALTY,
    "function_call": {"anyOf": [one_of("none", "auto"), having({"name": NAME}, "name")]},
    "functions": list_of(FUNCTION),
    "logit_bias": {
        "type": "object",
        "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100},
    },
    "logprobs": FLAG,
    "max_completion_tokens": AT_LEAST_ONE,
    "max_tokens": AT_LEAST_ONE,
    "metadata": OPEN,
    "modalities": list_of(NAME),
    "moderation": OPEN,
    "n": {"type": "integer", "minimum": 1, "maximum": 128},
    "parallel_tool_calls": FLAG,
    "prediction": having({"type": one_of("content"), "content": CONTENT}, "type", "content"),
    "presence_penalty": _PENALTY,
    "prompt_cache_key": TEXT,
    "prompt_cache_options": OPEN,
    "prompt_cache_retention": NAME,
    "reasoning_effort": NAME,
    "response_format": RESPONSE_FORMAT,
    "safety_identifier": TEXT,
    "seed": _SEED,
    "service_tier": NAME,
    "stop": {"anyOf": [TEXT, list_of(TEXT)]},
    "store": FLAG,
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "thinking": having({"type": NAME, "budget_tokens": optional(AT_LEAST_ONE)}, "type"),
    "tool_choice": TOOL_CHOICE,
    "tools": TOOLS,
    "top_logprobs": {"type": "integer", "minimum": 0, "maximum": 20},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1},
    "user": TEXT,
    "verbosity": NAME,
    "web_search_options": OPEN,
}
_OTHERS: Mapping[str, Schema] = {
    "stream": FLAG,
    "stream_options": closed({"include_usage": optional(FLAG), "include_obfuscation": optional(FLAG)}),
    "codex_agent": {
        "description": "What an agent is asked beyond a model. OpenAI has no words for it.",
        **closed({name: optional(option) for name, option in _OPTIONS.items()}),
    },
}
_OPTIONAL = {name: optional(schema) for name, schema in {**PARAMETERS, **_OTHERS}.items()}
CHAT: Schema = closed({"model": MODEL, "messages": MESSAGES, **_OPTIONAL}, "model", "messages")


@dataclass(frozen=True)
class ChatRequest:
    """One chat, as it was asked for: fields that were null are not there."""

    model: str
    messages: Sequence[Mapping[str, Any]] = field(repr=False)
    stream: bool = False
    wants_usage: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    digest: str = ""


def read_chat(body: bytes) -> ChatRequest:
    """The chat in a request's body. Raises `BrokenRequest` with status 400."""
    asked = checked(read_json(body), CHAT)
    options = without_null(asked.get("codex_agent"))
    if "budgets" in options:
        options["budgets"] = without_null(options["budgets"])
    return ChatRequest(
        model=asked["model"],
        messages=asked["messages"],
        stream=asked.get("stream") is True,
        wants_usage=without_null(asked.get("stream_options")).get("include_usage") is True,
        parameters=without_null({name: asked[name] for name in PARAMETERS.keys() & asked.keys()}),
        options=options,
        digest=digest(asked),
    )
