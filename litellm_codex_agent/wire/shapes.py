"""The words that our schemas are written in. Every one makes a new dict or is a constant that nobody changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .schema import Schema

__all__ = [
    "ABOVE_ZERO",
    "AT_LEAST_ONE",
    "COUNT",
    "FLAG",
    "MAX_COUNT",
    "NAME",
    "NULL",
    "OPEN",
    "TEXT",
    "closed",
    "list_of",
    "one_of",
    "optional",
]

# RFC 8259, section 6: beyond this a reader of JSON may hold another number than the one that was written.
MAX_COUNT = 2**53 - 1

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_COUNT}
AT_LEAST_ONE: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_COUNT}
ABOVE_ZERO: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_COUNT}
OPEN: Schema = {"type": "object"}
NULL: Schema = {"type": "null"}


def having(properties: Mapping[str, Schema], *required: str) -> dict[str, Any]:
    """An object that has these fields, and any others beside them."""
    fields = {"type": "object", "properties": dict(properties)}
    return {**fields, "required": list(required)} if required else fields


def closed(properties: Mapping[str, Schema], *required: str) -> dict[str, Any]:
    """An object that has these fields and no others."""
    return {**having(properties, *required), "additionalProperties": False}


def list_of(entry: Schema) -> dict[str, Any]:
    return {"type": "array", "items": entry}


def one_of(*names: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


def told_apart(name: str, *branches: Schema) -> dict[str, Any]:
    """One of these, and the field of this name says which: a fault in it is then told as that one's."""
    return {"anyOf": list(branches), "discriminator": {"propertyName": name}}


def optional(schema: Schema) -> dict[str, Any]:
    """`schema`, or null: clients write null for what they leave out."""
    if "type" not in schema:
        return {"anyOf": [schema, NULL]}
    nullable = {**schema, "type": [schema["type"], "null"]}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable
