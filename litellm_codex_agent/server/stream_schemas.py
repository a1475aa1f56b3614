"""What an event of our streams is, for the OpenAPI document.

OpenAPI before 3.2 has no word for it: the schema of `text/event-stream` is read as that of each event.
"""

from __future__ import annotations

from ..wire.schema import Schema
from ..wire.shapes import TEXT, closed

__all__ = ["event_of"]

_DIGITS = {"type": "string", "pattern": "^[0-9]+$"}


def event_of(*said: Schema) -> Schema:
    """An event that says one of these as JSON, or that it was the last."""
    told = {"type": "string", "contentMediaType": "application/json", "contentSchema": {"anyOf": list(said)}}
    data = {"anyOf": [{"const": "[DONE]"}, told]}
    return closed({"id": _DIGITS, "event": TEXT, "data": data}, "data")
