"""A run's events as JSON and back, for the journal, the recordings and the event streams.

Law: what is written reads back as the same event. Fields at their default are left out; a kind or a field
that is not known is an error, since a run told in part would be another run.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

from ..wire.schema import BrokenRequest, Schema, check
from ..wire.shapes import FLAG, OPEN, TEXT, closed, list_of, one_of, optional
from .events import ClientCall, Done, Event, Failure, FileChange, Text, Thought, ToolCall, ToolResult, Usage

__all__ = ["BrokenEvent", "EVENT", "from_json", "to_json"]

_KINDS: Mapping[str, type[Event]] = {
    "thought": Thought,
    "text": Text,
    "tool_call": ToolCall,
    "tool_result": ToolResult,
    "file_change": FileChange,
    "client_call": ClientCall,
    "done": Done,
}
_NAMES = {event: kind for kind, event in _KINDS.items()}

_INTEGER: Schema = {"type": "integer"}
_NUMBER: Schema = {"type": "number"}
_USAGE = closed(
    {
        "prompt_tokens": _INTEGER,
        "completion_tokens": _INTEGER,
        "cost_usd": optional(_NUMBER),
        "cached_tokens": _INTEGER,
        "reasoning_tokens": _INTEGER,
    }
)
_FAILURE = closed(
    {"status": _INTEGER, "message": TEXT, "code": TEXT, "retry_after": optional(_NUMBER)}, "status", "message"
)


def _event(kind: str, fields: Mapping[str, Schema], *required: str) -> dict[str, Any]:
    return closed({"kind": one_of(kind), **fields}, "kind", *required)


# `change` is a file change's own kind: `kind` says that it is one.
EVENT: Schema = {
    "anyOf": [
        _event("thought", {"text": TEXT}, "text"),
        _event("text", {"text": TEXT}, "text"),
        _event("tool_call", {"id": TEXT, "name": TEXT, "text": TEXT}, "id", "name"),
        _event("tool_result", {"id": TEXT, "ok": FLAG, "text": TEXT}, "id"),
        _event("file_change", {"path": TEXT, "change": TEXT, "diff": TEXT}, "path"),
        _event("client_call", {"id": TEXT, "name": TEXT, "arguments": TEXT}, "id", "name", "arguments"),
        _event(
            "done",
            {
                "stopped_reason": TEXT,
                "usage": _USAGE,
                "failure": optional(_FAILURE),
                "metrics": OPEN,
                "added": list_of(OPEN),
            },
        ),
    ],
    "discriminator": {"propertyName": "kind"},
}


class BrokenEvent(ValueError):
    """JSON that is no event; the sentence names the field."""


def to_json(event: Event) -> dict[str, Any]:
    """`{"kind": "text", "text": "Hello"}`; it shares nothing with the event that could be changed."""
    told = _told(event)
    if isinstance(event, FileChange) and "kind" in told:
        told["change"] = told.pop("kind")
    return {"kind": _NAMES[type(event)], **told}


def from_json(told: Any) -> Event:
    """The event that `to_json` wrote. Raises `BrokenEvent`."""
    if type(told) is dict and len(told) == 2 and type(told.get("text")) is str:
        # Most events are these, and a run may have a hundred thousand: what the schema would find is plain to see.
        if told.get("kind") == "text":
            return Text(told["text"])
        if told.get("kind") == "thought":
            return Thought(told["text"])
    try:
        check(told, EVENT, "event")
    except BrokenRequest as fault:
        raise BrokenEvent(str(fault)) from fault
    fields = copy.deepcopy(dict(told))
    kind = fields.pop("kind")
    if "change" in fields:
        fields["kind"] = fields.pop("change")
    if "usage" in fields:
        fields["usage"] = Usage(**fields["usage"])
    if fields.get("failure"):
        fields["failure"] = Failure(**fields["failure"])
    if "added" in fields:
        fields["added"] = tuple(fields["added"])
    return _KINDS[kind](**fields)


def _told(value: Any) -> dict[str, Any]:
    told = {}
    for name, default in _FIELDS[type(value)]:
        content = getattr(value, name)
        if content != default:
            told[name] = content if isinstance(content, str) else _inside(content)
    return told


def _inside(content: Any) -> Any:
    if type(content) in _FIELDS:
        return _told(content)
    if isinstance(content, tuple):
        return [_inside(entry) for entry in content]
    return copy.deepcopy(dict(content)) if isinstance(content, Mapping) else content


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


# Looked up once: each event of each run is told by them.
_FIELDS = {
    kind: tuple((field.name, _default(field)) for field in dataclasses.fields(kind))
    for kind in (*_NAMES, Usage, Failure)
}
