"""A closed subset of JSON Schema, so that a request is refused by the very schema that /openapi.json shows.

Law: a fault is one sentence that names the field by its path and says what it has to be. It never shows
the value, which may be a secret. A keyword that is not in `KEYWORDS` is not checked; a test finds it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .paths import inside, named, subject

__all__ = ["BrokenRequest", "KEYWORDS", "Schema", "check"]

Schema = Mapping[str, Any]


class BrokenRequest(ValueError):
    """JSON that is not what it has to be: `param` is the field's path, "" the whole; `status` is what HTTP calls it."""

    def __init__(self, param: str, sentence: str, *, status: int = 400) -> None:
        super().__init__(sentence)
        self.param = param
        self.status = status


def _is_same(value: Any, entry: Any) -> bool:
    return type(value) is type(entry) and bool(value == entry)


# What each type is called, and which of Python's types it is. Exact types: JSON's `true` is no number.
_TYPES: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "string": ("a string", (str,)),
    "integer": ("an integer", (int,)),
    "number": ("a number", (int, float)),
    "boolean": ("true or false", (bool,)),
    "object": ("an object", (dict,)),
    "array": ("a list", (list,)),
    "null": ("null", (type(None),)),
}
_NUMBER = _TYPES["number"][1]


def _is_a(value: Any, name: str) -> bool:
    # To the standard 1.0 is an integer; `strict_json` makes it one.
    return type(value) in _TYPES[name][1] or (name == "integer" and type(value) is float and value.is_integer())


# A keyword says nothing about values of other types than its own, as in the standard.
_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "type": lambda value, names: any(_is_a(value, name) for name in _listed(names)),
    "enum": lambda value, entries: any(_is_same(value, entry) for entry in entries),
    "const": _is_same,
    "minItems": lambda value, least: type(value) is not list or len(value) >= least,
    "minLength": lambda value, least: type(value) is not str or len(value) >= least,
    "maxLength": lambda value, most: type(value) is not str or len(value) <= most,
    "minimum": lambda value, least: type(value) not in _NUMBER or value >= least,
    "exclusiveMinimum": lambda value, bound: type(value) not in _NUMBER or value > bound,
    "maximum": lambda value, most: type(value) not in _NUMBER or value <= most,
}
_LIMITS: Mapping[str, str] = {
    "minItems": "with at least {} entry",
    "minLength": "of at least {} character",
    "maxLength": "of at most {} characters",
    "minimum": "of at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "of at most {}",
}
_NESTED = frozenset({"additionalProperties", "anyOf", "discriminator", "items", "properties", "required"})
# For a reader of the document; it checks nothing.
_NOTES = frozenset({"description"})
KEYWORDS = _NESTED | _NOTES | _HOLDS.keys()


def check(value: Any, schema: Schema, where: str = "") -> None:
    """Raises `BrokenRequest` for the first fault of `value`, which came from JSON; `where` is its path."""
    if not _fits(value, schema):
        raise _broken(where, schema)
    if type(value) is dict:
        _check_object(value, schema, where)
    if type(value) is list and "items" in schema:
        for number, entry in enumerate(value):
            check(entry, schema["items"], inside(where, number))
    if "anyOf" in schema:
        _check_any(value, schema, where)


def _fits(value: Any, schema: Schema) -> bool:
    return all(_HOLDS[keyword](value, limit) for keyword, limit in schema.items() if keyword in _HOLDS)


def _check_object(value: dict[str, Any], schema: Schema, where: str) -> None:
    known: Mapping[str, Schema] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            raise _broken(inside(where, name), known.get(name, {}), "is missing, and has")
    others = schema.get("additionalProperties", True)
    for name, entry in value.items():
        if name in known:
            check(entry, known[name], inside(where, name))
        elif others is False:
            path = inside(where, name)
            raise BrokenRequest(path, f"`{path}` is not a field of {named(where)}.")
        elif others is not True:
            check(entry, others, inside(where, name))


def _check_any(value: Any, schema: Schema, where: str) -> None:
    faults = []
    for branch in _meant(value, schema, where):
        try:
            return check(value, branch, where)
        except BrokenRequest as fault:
            faults.append(fault)
    # The branch that was read the furthest is the one that the client meant.
    furthest = max(faults, key=lambda fault: len(fault.param))
    raise furthest if len(furthest.param) > len(where) else _broken(where, schema)


def _meant(value: Any, schema: Schema, where: str) -> Sequence[Schema]:
    """The branches that `value` may be: where a field tells them apart, the one that it names."""
    branches: Sequence[Schema] = schema["anyOf"]
    if type(value) is not dict or "discriminator" not in schema:
        return branches
    name = schema["discriminator"]["propertyName"]
    told = [(branch, branch["properties"][name]) for branch in branches if "properties" in branch]
    if meant := [branch for branch, names in told if _fits(value.get(name), names)]:
        return meant
    every = {"enum": [entry for _, names in told for entry in names["enum"]]}
    raise _broken(inside(where, name), every, "has" if name in value else "is missing, and has")


def _broken(where: str, schema: Schema, verb: str = "has") -> BrokenRequest:
    return BrokenRequest(where, f"{subject(where)} {verb} to be {_described(schema)}.")


def _described(schema: Schema) -> str:
    if "enum" in schema:
        entries = [json.dumps(entry) for entry in schema["enum"]]
        return entries[0] if len(entries) == 1 else f"one of {', '.join(entries[:-1])} or {entries[-1]}"
    if "const" in schema:
        return json.dumps(schema["const"])
    if "anyOf" in schema:
        return _either(_described(branch) for branch in schema["anyOf"])
    words = [_TYPES[name][0] for name in _listed(schema.get("type", ()))]
    limits = " and ".join(_LIMITS[keyword].format(limit) for keyword, limit in schema.items() if keyword in _LIMITS)
    # The limits are those of the value, and not of the null that may stand in its place.
    value = " ".join(filter(None, [_either(word for word in words if word != "null"), limits]))
    return _either([value] * bool(value) + ["null"] * ("null" in words)) or "a value"


def _either(words: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(words))


def _listed(names: str | Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names
