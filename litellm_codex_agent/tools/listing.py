"""The list of a tools' server, in each of the forms in which such servers write it.

Law: every tool that the list names can be called. An entry without a name makes the list unreadable, and one without
a schema takes any arguments. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .names import valid
from .source import Tool, ToolsUnavailable

__all__ = ["ANY_ARGUMENTS", "Listed", "MAX_TOOLS", "read_list"]

ANY_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}}
# OpenAI takes 128, others more; a list beyond this is a server gone wrong, and would fill any model's context.
MAX_TOOLS = 1024
_SCHEMAS = ("parameters", "inputSchema", "input_schema")


@dataclass(frozen=True)
class Listed:
    """A tool as its server calls it, and as a model is offered it."""

    name: str
    tool: Tool
    idempotent: bool = False


def read_list(body: bytes) -> list[Listed]:
    """The tools in the reply to `GET /tools`. Raises `ToolsUnavailable`."""
    try:
        told = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ToolsUnavailable("The list of the tools' server is not JSON.") from error
    entries = told.get("tools") if isinstance(told, Mapping) else told
    if not isinstance(entries, list):
        raise ToolsUnavailable(
            'The list of the tools\' server is no list of tools: neither [...] nor {"tools": [...]}.'
        )
    if len(entries) > MAX_TOOLS:
        raise ToolsUnavailable(f"The tools' server lists {len(entries):,} tools, and {MAX_TOOLS:,} are the most.")
    # A name that stands twice is one tool: a call could not say which of them is meant.
    named: dict[str, Mapping[str, Any]] = {}
    for name, entry in _named(entries):
        named.setdefault(name, entry)
    offered = valid(list(named))
    return [_listed(name, alias, entry) for (name, entry), alias in zip(named.items(), offered, strict=True)]


def _named(entries: list[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for place, entry in enumerate(entries):
        function = entry.get("function", entry) if isinstance(entry, Mapping) else {"name": entry}
        name = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(name, str) or not name:
            raise ToolsUnavailable(f"Entry {place} in the list of the tools' server has no name.")
        outer = entry if isinstance(entry, Mapping) else {}
        yield name, {**outer, **function}


def _listed(name: str, alias: str, entry: Mapping[str, Any]) -> Listed:
    schema = next((entry[key] for key in _SCHEMAS if isinstance(entry.get(key), Mapping)), None)
    description = entry.get("description")
    told = description if isinstance(description, str) else ""
    # Its own name says more than the one that was made of it.
    told = told if alias == name else f"{name}: {told}".removesuffix(": ")
    return Listed(name, Tool(alias, told, _object(schema)), _is_idempotent(entry))


def _object(schema: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A schema of an object, which is all that models take: one that leaves its type out means it."""
    if not schema:
        return ANY_ARGUMENTS
    return schema if "type" in schema else {"type": "object", **schema}


def _is_idempotent(entry: Mapping[str, Any]) -> bool:
    annotations = entry.get("annotations")
    hinted = annotations.get("idempotentHint") if isinstance(annotations, Mapping) else None
    return entry.get("idempotent") is True or hinted is True
