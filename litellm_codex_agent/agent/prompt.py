"""What the mini-agent tells its model beside the caller's messages. Every text that a model reads of us is here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..tools.source import NOT_MADE

__all__ = ["last_words", "opening", "over_budget", "unreadable"]

_OPENING = """You are an agent that works on the user's task with the tools that you are given.
Work step by step: look before you change, act by calling tools, and check what you did.
A tool's result is JSON; `rc` other than 0 or an `error` says that it failed, and why.
Call several tools in one turn where they do not need each other's results.
When the task is done, answer in plain text what you did and what came of it. Only that text is your answer."""

_WORKSPACE = "Your workspace is the current directory; paths are relative to it."
_SCHEMA = "Your answer has to be one JSON value that fits this schema, with nothing around it:\n"
_OBJECT = "Your answer has to be one JSON object, with nothing around it."

_WHY_LAST = {
    "budget": "Your time is over.",
    "max_iterations": "You have used all your turns.",
    "max_tokens": "You have used all your tokens.",
    "max_tool_calls": "You have used all your tool calls.",
    "max_cost": "You have used all your money.",
}


def opening(*, tools: bool, workspace: bool, response_format: Mapping[str, Any] | None = None) -> str:
    """The system message; empty where there is nothing to say."""
    parts = [_OPENING] if tools else []
    if workspace:
        parts.append(_WORKSPACE)
    kind = (response_format or {}).get("type")
    if kind == "json_schema":
        schema = (response_format or {}).get("json_schema", {}).get("schema") or {}
        parts.append(_SCHEMA + json.dumps(schema))
    elif kind == "json_object":
        parts.append(_OBJECT)
    return "\n".join(parts)


def last_words(reason: str) -> str:
    """Asks for an answer when a budget has ended."""
    return f"{_WHY_LAST[reason]} Call no more tools: answer now, with what you have, and say what is not done."


def over_budget() -> str:
    """The result of a call that is not made any more."""
    return json.dumps({"rc": NOT_MADE, "error": "Not called: the run has used all its tool calls."})


def unreadable(why: str) -> str:
    """Tells what was wrong with a reply."""
    return f"Your last reply could not be used: {why}"
