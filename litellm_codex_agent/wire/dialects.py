"""How endpoints differ from OpenAI's in the writing, put right: no answer is lost over the way it is written.

Law: only the writing changes. What a field says is never guessed, and a field that says nothing usable
beside the answer (an id, a time, a usage that is none) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["joined_text", "settle_head", "settled"]

# Reasoning models without a parser before them write their thoughts in front of the answer.
_THINKING = re.compile(r"\s*<think(?:ing)?>(.*?)</think(?:ing)?>(.*)", re.DOTALL)


def settled(reply: Mapping[str, Any]) -> dict[str, Any]:
    """A whole reply, as LiteLLM reads it."""
    fields = {name: value for name, value in reply.items() if value is not None}
    settle_head(fields)
    if not isinstance(fields.get("usage"), Mapping):
        fields.pop("usage", None)
    fields["choices"] = [_choice(choice) for choice in reply["choices"]]
    return fields


def settle_head(fields: dict[str, Any]) -> None:
    """Make the id text and the time whole, in place."""
    if "id" in fields and not isinstance(fields["id"], str):
        fields["id"] = str(fields["id"])
    created = fields.get("created")
    if isinstance(created, float):
        fields["created"] = int(created)
    elif created is not None and not isinstance(created, int):
        del fields["created"]


def joined_text(content: object) -> object:
    """A list of text parts as one text; anything else as it is."""
    if not isinstance(content, list):
        return content
    parts = [part.get("text") for part in content if isinstance(part, Mapping)]
    return "".join(part for part in parts if isinstance(part, str))


def _choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    message = dict(choice["message"])
    message["content"] = joined_text(message.get("content"))
    if not message.get("reasoning_content"):
        message.update(_reasoning(message))
    changed = {**choice, "message": message}
    if message.get("tool_calls") and choice.get("finish_reason") == "stop":
        # An agent that reads "stop" ends with its tools uncalled.
        changed["finish_reason"] = "tool_calls"
    return changed


def _reasoning(message: Mapping[str, Any]) -> dict[str, str]:
    if isinstance(message.get("reasoning"), str):
        return {"reasoning_content": message["reasoning"]}
    content = message["content"]
    found = _THINKING.fullmatch(content) if isinstance(content, str) else None
    return {"reasoning_content": found[1], "content": found[2]} if found else {}
