"""What the tests of requests share: what a schema is made of, any JSON, and a good body with one thing changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

__all__ = ["changed", "json_values", "keywords", "nodes"]

_numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9).map(float)
_words = st.text(max_size=8) | st.sampled_from(["model", "messages", "role", "user", "content", "type", "text", "name"])
_leaves = st.none() | st.booleans() | _numbers | _words
json_values = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=8,
)


def nodes(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema and all that are nested in it; a field's name is no keyword."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    inner += [schema.get("items"), schema.get("additionalProperties")]
    for entry in inner:
        if isinstance(entry, Mapping):
            yield from nodes(entry)


def keywords(schema: Mapping[str, Any]) -> set[str]:
    return {keyword for node in nodes(schema) for keyword in node}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container with each of its keys or indices."""
    steps = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    for step in steps:
        yield value, step
        yield from _places(value[step])


@st.composite
def changed(draw: st.DrawFn, body: Any) -> Any:
    """`body` with one entry replaced, left out, or joined by another."""
    body = copy.deepcopy(body)
    container, step = draw(st.sampled_from(list(_places(body))))
    act = draw(st.sampled_from(["replace", "remove", "add"]))
    if act == "remove":
        del container[step]
    elif act == "add" and isinstance(container, dict):
        container[draw(_words)] = draw(json_values)
    else:
        container[step] = draw(json_values)
    return body
