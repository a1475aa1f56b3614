"""Answers in a form that the caller asked for: any JSON object, or one by a schema. Pure.

Law: a form that could not be checked is refused before the run, with its reason. What is wrong with an answer is one
sentence, by which its model can mend it. Nothing is mended here: of a fence around it only the inside is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ..backends.parameters import RefusedParameter
from ..tools.patterns import steps
from ..tools.schemas import UNCHECKED, Uncheckable, fault
from ..wire.paths import path
from ..wire.schema import BrokenRequest
from ..wire.strict_json import read_json

__all__ = ["BrokenAnswer", "Form", "bare", "check", "checker", "form"]

# More is no answer that anyone would want in a form, and each letter of it is checked.
MAX_ANSWER_BYTES = 1024 * 1024
_SCHEMA = "response_format.json_schema.schema"
# A text so long is matched by every pattern that is taken; a longer one may not be.
_TEXT = 200
_STEPS = 10_000_000
_FENCED = re.compile(r"\s*```[ \t]*(?:json|JSON)?[ \t]*\r?\n(?P<inside>.*?)\r?\n[ \t]*```\s*", re.DOTALL)
# Where a schema has others by name, and where what stands is a value and no schema.
_NAMED = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
_VALUES = frozenset({"const", "default", "enum", "example", "examples"})


class BrokenAnswer(ValueError):
    """An answer without its form; the message is one sentence."""


@dataclass(frozen=True)
class Form:
    """What an answer has to be: an object, or by its schema whatever that says."""

    schema: Mapping[str, Any] | bool


def checker(response_format: Mapping[str, Any] | None) -> Callable[[str], str] | None:
    """What says what is wrong with an answer, and nothing where it fits; None where any text will do.

    Raises `RefusedParameter` where `form` would refuse.
    """
    try:
        wanted = form(response_format)
    except BrokenRequest as error:
        raise RefusedParameter(error.param, str(error)) from error
    if wanted is None:
        return None

    def why(text: str) -> str:
        try:
            check(text, wanted)
        except BrokenAnswer as error:
            return str(error)
        return ""

    return why


def form(response_format: Mapping[str, Any] | None) -> Form | None:
    """None where any text will do. Raises `BrokenRequest` for a schema by which nothing could be checked."""
    kind = (response_format or {}).get("type")
    if response_format is None or kind not in ("json_object", "json_schema"):
        return None
    if kind == "json_object":
        return Form({"type": "object"})
    schema = response_format["json_schema"].get("schema")
    schema = {} if schema is None else schema
    try:
        # Whether the schema is one shows with any value.
        fault(None, schema)
    except Uncheckable as error:
        raise _refused(f"cannot be checked: {error}") from error
    for steps_to, keyword in _unchecked(schema, schema):
        raise _refused(f"cannot be checked: `{path(steps_to)}` has {keyword}. Take it out.")
    return Form(schema)


def check(text: str, wanted: Form) -> Any:
    """The value that an answer holds. Raises `BrokenAnswer`."""
    data = bare(text).encode("utf-8", "replace")
    if len(data) > MAX_ANSWER_BYTES:
        raise BrokenAnswer(f"The answer has {len(data):,} bytes, and may have {MAX_ANSWER_BYTES:,}.")
    if not data.strip():
        raise BrokenAnswer("The answer is empty.")
    try:
        value = read_json(data, "The answer")
        why = fault(value, wanted.schema)
    except BrokenRequest as error:
        raise BrokenAnswer(str(error)) from error
    except Uncheckable as error:
        raise BrokenAnswer(f"The answer cannot be checked against its schema: {error}.") from error
    if why:
        raise BrokenAnswer(f"The answer does not fit its schema: {why}.")
    return value


def bare(text: str) -> str:
    """`text` without a fence around the whole of it, as its reader wants it."""
    fenced = _FENCED.fullmatch(text)
    return fenced["inside"] if fenced else text


def _refused(why: str) -> BrokenRequest:
    return BrokenRequest(_SCHEMA, f"`{_SCHEMA}` {why}")


def _unchecked(schema: Any, whole: Any, where: Sequence[str | int] = ()) -> Iterator[tuple[Sequence[str | int], str]]:
    """Where a schema asks for what would not be checked, and what that is."""
    if isinstance(schema, list):
        for number, entry in enumerate(schema):
            yield from _unchecked(entry, whole, (*where, number))
    for name, inner in schema.items() if isinstance(schema, Mapping) else ():
        here = (*where, name)
        if why := _why_not(name, inner, whole):
            yield where, why
        elif name in _NAMED and isinstance(inner, Mapping):
            for called, entry in inner.items():
                yield from _unchecked(entry, whole, (*here, called))
        elif name not in _VALUES:
            yield from _unchecked(inner, whole, here)


def _why_not(keyword: str, wanted: Any, whole: Any) -> str:
    if keyword in UNCHECKED:
        return f"`{keyword}`, which is not checked here"
    if keyword == "pattern" and isinstance(wanted, str) and steps(wanted, _TEXT) > _STEPS:
        return "a `pattern` that may take for ever"
    if keyword == "$ref" and isinstance(wanted, str) and not _leads(wanted, whole):
        return f"a reference to {wanted!r:.80}, which is not in it"
    return ""


def _leads(reference: str, schema: Any) -> bool:
    """Whether it is to a place in the schema; one to a name, `#name`, shows when it is followed."""
    if not reference.startswith("#/"):
        return reference.startswith("#")
    for step in unquote(reference[2:]).split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and name.isdecimal() and int(name) < len(schema):
            schema = schema[int(name)]
        elif isinstance(schema, Mapping) and name in schema:
            schema = schema[name]
        else:
            return False
    return True
