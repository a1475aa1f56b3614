"""What a schema is made of, for the tests that hold every schema against the interpreter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["keywords", "nodes"]


def nodes(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema and all that are nested in it; a field's name is no keyword."""
    yield schema
    others = schema.get("additionalProperties")
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), schema.get("items"), others]
    for entry in inner:
        if isinstance(entry, Mapping):
            yield from nodes(entry)


def keywords(schema: Mapping[str, Any]) -> set[str]:
    return {keyword for node in nodes(schema) for keyword in node}
