"""JSON against a JSON Schema that a stranger wrote: a tool's server, or whoever asked for such an answer. Pure.

Law: a check ends, whatever the schema. A reference leads nowhere but into the schema itself; a regular expression is
run only where it ends soon; the whole has a limit of steps. What cannot be checked says why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from ..wire.paths import path
from .patterns import MOST_STEPS, TooCostly, matches, steps

__all__ = ["MAX_FAULT_CHARS", "UNCHECKED", "Uncheckable", "fault"]

# A fault quotes the value: enough to find it, and not the megabyte that it may be.
MAX_FAULT_CHARS = 300
# Left to whoever takes the value: regular expressions that are run on each of the names, as often as they are asked.
UNCHECKED = frozenset({"patternProperties", "unevaluatedProperties"})
# A third of a second. References that fan out take 2^n steps in n lines; a tool's arguments take some hundreds.
_MAX_STEPS = 50_000
# What a rule looks through counts too: a fault quotes all of the value, and is held, and some rules read both to the
# end. A step is worth so many entries, letters, steps of a regular expression, and one letter of one that is read anew.
_ENTRIES, _LETTERS, _TRIES = 32, 2_000, 1_000
# Regular expressions that are remembered, here and by Python, are no more than these.
_MOST_PATTERNS = 200
# The nearest of the first faults is told; a list of a thousand wrong entries has as many.
_FAULTS = 50
# OpenAI takes as many; to look whether they are a schema at all takes a fifth of a millisecond for each.
_MAX_PARTS = 5_000
# Of one server's tools all; each check of a schema itself takes milliseconds.
_REMEMBERED = 128


class _Budget:
    """What is left of the steps of one check, and the patterns that were read in it."""

    def __init__(self) -> None:
        self.left = _MAX_STEPS
        self.patterns = set[str]()

    def spend(self, cost: int) -> None:
        self.left -= cost
        if self.left < 0:
            raise Uncheckable(f"it takes more than {_MAX_STEPS:,} steps")

    def spend_on(self, pattern: str, length: int) -> None:
        known = pattern in self.patterns and len(self.patterns) < _MOST_PATTERNS
        self.patterns.add(pattern)
        self.spend((0 if known else len(pattern)) + int(min(steps(pattern, length), MOST_STEPS)) // _TRIES)


_budget: ContextVar[_Budget] = ContextVar("_budget")


class Uncheckable(Exception):
    """The schema is none, or too much of one; the message says why, in words that follow a colon."""


def fault(value: Any, schema: Mapping[str, Any] | bool) -> str:
    """What is wrong with `value`, where, as words that follow a colon; empty where it fits. Raises `Uncheckable`."""
    from jsonschema.exceptions import UnknownType, best_match
    from referencing.exceptions import Unresolvable

    checker = _checker(_text(schema))
    _budget.set(_Budget())
    try:
        found = best_match(islice(checker.iter_errors(value), _FAULTS))
    except Unresolvable as error:
        raise Uncheckable(f"it refers to {str(error.ref)!r:.80}, which is not in it") from error
    except TooCostly as error:
        raise Uncheckable(str(error)) from error
    except RecursionError as error:
        raise Uncheckable("it leads back to itself") from error
    except (ArithmeticError, UnknownType) as error:
        raise Uncheckable(f"it asks what nobody can answer ({type(error).__name__})") from error
    if found is None:
        return ""
    where = path(found.absolute_path)
    said = found.message if len(found.message) <= MAX_FAULT_CHARS else f"{found.message[:MAX_FAULT_CHARS]}…"
    return f"`{where}`: {said}" if where else said


def _text(schema: Any) -> str:
    """One text for each schema, by which it is remembered."""
    try:
        return json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Uncheckable("it is not JSON") from error


@lru_cache(maxsize=_REMEMBERED)
def _checker(text: str) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    schema = json.loads(text)
    if text.count("{") > _MAX_PARTS:
        raise Uncheckable(f"it has more than {_MAX_PARTS:,} parts")
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        where = path(error.absolute_path)
        raise Uncheckable(f"{f'`{where}`: ' if where else ''}{error.message:.{MAX_FAULT_CHARS}}") from error
    except RecursionError as error:
        raise Uncheckable("it is nested too deeply") from error
    # An empty registry fetches nothing: a reference to an address would be a request of ours to it.
    return _bounded(kind)(schema, registry=Registry())


@cache
def _bounded(kind: Any) -> Any:
    """The same rules, each counted, and those left out that may take for ever."""
    from jsonschema.validators import extend

    rules = {name: _unchecked if name in UNCHECKED else _counted(rule) for name, rule in kind.VALIDATORS.items()}
    others = rules["additionalProperties"]
    own = {"pattern": _counted(_pattern), "uniqueItems": _counted(_unique)}
    return extend(kind, {**rules, **own, "additionalProperties": lambda *given: _others(others, *given)})


def _counted(rule: Callable[..., Any]) -> Callable[..., Any]:
    def counted(checker: Any, wanted: Any, value: Any, schema: Any) -> Any:
        _budget.get().spend(1 + _worth(value) + (len(wanted) // _ENTRIES if isinstance(wanted, (list, dict)) else 0))
        return rule(checker, wanted, value, schema)

    return counted


def _worth(value: Any) -> int:
    """What it costs to read a value to its end."""
    entries, letters, todo = 0, 0, [value]
    while todo:
        each = todo.pop()
        if isinstance(each, str):
            letters += len(each)
        elif isinstance(each, dict):
            letters += sum(map(len, each))
            todo += each.values()
        elif isinstance(each, list):
            todo += each
        entries += 1
    return entries // _ENTRIES + letters // _LETTERS


def _unchecked(*_given: Any) -> tuple[()]:
    return ()


def _pattern(checker: Any, wanted: str, value: Any, _schema: Any) -> Iterator[Exception]:
    from jsonschema import ValidationError

    if not checker.is_type(value, "string"):
        return
    _budget.get().spend_on(wanted, len(value))
    if not matches(wanted, value):
        yield ValidationError(f"{value!r} does not match {wanted!r}")


def _unique(checker: Any, wanted: bool, value: Any, _schema: Any) -> Iterator[Exception]:
    """By what each entry is written as: to compare each with each takes for ever, in a list of thousands."""
    from jsonschema import ValidationError

    entries = value if wanted and checker.is_type(value, "array") else ()
    if len({json.dumps(entry, sort_keys=True) for entry in entries}) < len(entries):
        yield ValidationError("its entries are not all different")


def _others(rule: Callable[..., Any], checker: Any, wanted: Any, value: Any, schema: Mapping[str, Any]) -> Any:
    """Which properties are others is for `patternProperties` to say, where there are any."""
    return () if "patternProperties" in schema else rule(checker, wanted, value, schema)
