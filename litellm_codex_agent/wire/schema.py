"""A closed subset of JSON Schema, so that a request is refused by the very schema that /openapi.json shows.

Law: a fault is one sentence that names the field by its path and says what it has to be. It never shows
the value, which may be a secret. A keyword that is not in `KEYWORDS` is not checked; a test finds it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .paths import named, path, subject

__all__ = ["BrokenRequest", "KEYWORDS", "Schema", "check"]

Schema = Mapping[str, Any]


class BrokenRequest(ValueError):
    """JSON that is not what it has to be: `param` is the field's path, "" the whole; `status` is what HTTP calls it."""

    def __init__(self, param: str, sentence: str, *, status: int = 400) -> None:
        super().__init__(sentence)
        self.param = param
        self.status = status


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


def _is_a(value: Any, names: str | Sequence[str]) -> bool:
    kind = type(value)
    for name in _listed(names):
        # To the standard 1.0 is an integer; `strict_json` makes it one.
        if kind in _TYPES[name][1] or (name == "integer" and kind is float and value.is_integer()):
            return True
    return False


def _is_same(value: Any, entry: Any) -> bool:
    return type(value) is type(entry) and bool(value == entry)


# A keyword says nothing about values of other types than its own, as in the standard.
_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "type": _is_a,
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

_Steps = tuple[str | int, ...]


class _Fault(Exception):
    """Where a value is not what it has to be, and what that is; no schema: nothing may stand there."""

    def __init__(self, steps: _Steps, wanted: Schema | None, verb: str = "has") -> None:
        super().__init__()
        self.steps = steps
        self.wanted = wanted
        self.verb = verb

    def told(self) -> BrokenRequest:
        where = path(self.steps)
        if self.wanted is None:
            return BrokenRequest(where, f"`{where}` is not a field of {named(path(self.steps[:-1]))}.")
        return BrokenRequest(where, f"{subject(where)} {self.verb} to be {_described(self.wanted)}.")


def check(value: Any, schema: Schema, where: str = "") -> None:
    """Raises `BrokenRequest` for the first fault of `value`, which came from JSON; `where` is what it is called."""
    try:
        _check(value, schema, (where,) if where else ())
    except _Fault as fault:
        raise fault.told() from None


def _check(value: Any, schema: Schema, steps: _Steps) -> None:
    if not _fits(value, schema):
        raise _Fault(steps, schema)
    if type(value) is dict:
        _check_object(value, schema, steps)
    if type(value) is list and "items" in schema:
        for number, entry in enumerate(value):
            _check(entry, schema["items"], (*steps, number))
    if "anyOf" in schema:
        _check_any(value, schema, steps)


def _fits(value: Any, schema: Schema) -> bool:
    # A plain loop: this runs for every value of a body, and a generator would take most of the time.
    for keyword, limit in schema.items():  # noqa: SIM110
        if keyword in _HOLDS and not _HOLDS[keyword](value, limit):
            return False
    return True


def _check_object(value: dict[str, Any], schema: Schema, steps: _Steps) -> None:
    known: Mapping[str, Schema] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            raise _Fault((*steps, name), known.get(name, {}), "is missing, and has")
    others = schema.get("additionalProperties", True)
    for name, entry in value.items():
        if name in known:
            _check(entry, known[name], (*steps, name))
        elif others is False:
            raise _Fault((*steps, name), None)
        elif others is not True:
            _check(entry, others, (*steps, name))


def _check_any(value: Any, schema: Schema, steps: _Steps) -> None:
    furthest = _Fault(steps, schema)
    for branch in _meant(value, schema, steps):
        try:
            return _check(value, branch, steps)
        except _Fault as fault:
            # The branch that was read the furthest is the one that the client meant.
            furthest = max(furthest, fault, key=lambda found: len(found.steps))
    raise furthest


def _meant(value: Any, schema: Schema, steps: _Steps) -> Sequence[Schema]:
    """The branches that `value` may be: where a field tells them apart, the one that it names."""
    branches: Sequence[Schema] = [branch for branch in schema["anyOf"] if _fits(value, branch)]
    if type(value) is not dict or "discriminator" not in schema:
        return branches
    name = schema["discriminator"]["propertyName"]
    told = [(branch, branch["properties"][name]) for branch in branches]
    if meant := [branch for branch, names in told if _fits(value.get(name), names)]:
        return meant
    every = {"enum": [entry for _, names in told for entry in names["enum"]]}
    raise _Fault((*steps, name), every, "has" if name in value else "is missing, and has")


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
