"""The interpreter of schemas: the first fault, named by its path, in one sentence that says what it has to be."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.wire.chat_request import CHAT
from litellm_codex_agent.wire.paths import MAX_NAME_CHARS, inside, named, path, subject
from litellm_codex_agent.wire.run_request import RUN
from litellm_codex_agent.wire.schema import KEYWORDS, BrokenRequest, Schema, check
from litellm_codex_agent.wire.shapes import (
    ABOVE_ZERO,
    AT_LEAST_ONE,
    COUNT,
    FLAG,
    NAME,
    TEXT,
    closed,
    having,
    list_of,
    one_of,
    optional,
    told_apart,
)

from .schemas import changed, json_values, keywords, nodes

PET = told_apart(
    "kind",
    one_of("none"),
    closed({"kind": one_of("cat"), "lives": COUNT}, "kind", "lives"),
    having({"kind": one_of("dog", "wolf"), "name": NAME}, "kind"),
)

GOOD: list[tuple[Any, Schema]] = [
    ("", TEXT),
    ("a", NAME),
    (0, COUNT),
    (1.0, COUNT),
    (2**53 - 1, COUNT),
    (1, AT_LEAST_ONE),
    (0.1, ABOVE_ZERO),
    (7, {"type": "number"}),
    (True, FLAG),
    (None, optional(TEXT)),
    ("b", optional(one_of("a", "b"))),
    (None, optional(one_of("a", "b"))),
    (None, optional(PET)),
    (1, {"const": 1}),
    ([], list_of(TEXT)),
    (["a"], {"type": "array", "minItems": 1}),
    ("ab", {"maxLength": 2}),
    (1.5, {"type": ["number", "null"], "maximum": 1.5}),
    ({}, closed({"a": TEXT})),
    ({"b": 1}, having({"a": TEXT})),
    ({"b": 1}, {"type": "object", "additionalProperties": COUNT}),
    ("none", PET),
    ({"kind": "cat", "lives": 9}, PET),
    ({"kind": "wolf", "age": 3}, PET),
    # A keyword says nothing about values of other types.
    (None, {"minLength": 1, "minimum": 1, "minItems": 1, "maxLength": 0, "maximum": 0, "exclusiveMinimum": 1}),
    (True, {"minimum": 2}),
]


@pytest.mark.parametrize(("value", "schema"), GOOD, ids=repr)
def test_what_the_schema_says_passes(value: object, schema: Schema) -> None:
    check(value, schema)


BROKEN: list[tuple[Any, Schema, str, str]] = [
    (1, TEXT, "", "The request body has to be a string."),
    ("", NAME, "", "The request body has to be a string of at least 1 character."),
    ("abc", {"type": "string", "maxLength": 2}, "", "The request body has to be a string of at most 2 characters."),
    (True, {"type": "integer"}, "", "The request body has to be an integer."),
    (1.5, {"type": "integer"}, "", "The request body has to be an integer."),
    (float("inf"), {"type": "integer"}, "", "The request body has to be an integer."),
    (1, FLAG, "", "The request body has to be true or false."),
    (0, ABOVE_ZERO, "", "The request body has to be a number above 0 and of at most 9007199254740991."),
    ([], {"type": "array", "minItems": 1}, "", "The request body has to be a list with at least 1 entry."),
    (3, {"minimum": 1, "maximum": 2}, "", "The request body has to be of at least 1 and of at most 2."),
    (True, {"const": 1}, "", "The request body has to be 1."),
    ("c", optional(one_of("a", "b")), "", 'The request body has to be one of "a", "b" or null.'),
    ("c", one_of("a"), "", 'The request body has to be "a".'),
    (1, optional(TEXT), "", "The request body has to be a string or null."),
    (
        1,
        {"anyOf": [TEXT, list_of(TEXT), {"type": "null"}]},
        "",
        "The request body has to be a string or a list or null.",
    ),
    ({"a": [0, -1]}, closed({"a": list_of(COUNT)}), "a[1]", "`a[1]` has to be an integer of at least 0"),
    ({"b": 1}, closed({"a": TEXT}), "b", "`b` is not a field of the request body."),
    ({"a": {"b": 1}}, closed({"a": closed({})}), "a.b", "`a.b` is not a field of `a`."),
    ({}, closed({"a": TEXT}, "a"), "a", "`a` is missing, and has to be a string."),
    ({}, {"type": "object", "required": ["a"]}, "a", "`a` is missing, and has to be a value."),
    ({"b": "x"}, {"type": "object", "additionalProperties": COUNT}, "b", "`b` has to be an integer"),
    ({"a b": 1}, {"additionalProperties": TEXT}, '["a b"]', '`["a b"]` has to be a string.'),
    ({}, PET, "kind", '`kind` is missing, and has to be one of "cat", "dog" or "wolf".'),
    ({"kind": "cow"}, PET, "kind", '`kind` has to be one of "cat", "dog" or "wolf".'),
    ({"kind": "cat"}, PET, "lives", "`lives` is missing, and has to be an integer"),
    ({"kind": "dog", "name": ""}, optional(PET), "name", "`name` has to be a string of at least 1 character."),
    ("all", PET, "", 'The request body has to be "none" or an object.'),
    ([{"a": 1}], {"anyOf": [TEXT, list_of(closed({"a": TEXT}))]}, "[0].a", "`[0].a` has to be a string."),
]


@pytest.mark.parametrize(("value", "schema", "param", "sentence"), BROKEN, ids=repr)
def test_a_fault_is_a_sentence_that_names_the_field(value: Any, schema: Schema, param: str, sentence: str) -> None:
    with pytest.raises(BrokenRequest) as caught:
        check(value, schema)
    assert (caught.value.param, caught.value.status) == (param, 400)
    assert str(caught.value).startswith(sentence)


def test_a_fault_never_shows_the_value() -> None:
    with pytest.raises(BrokenRequest) as caught:
        check({"model": "m", "messages": [{"role": "user", "content": {"key": "sk-1234567890"}}]}, CHAT)
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize("schema", [CHAT, RUN], ids=["chat", "run"])
def test_a_schema_has_no_keyword_that_is_not_checked(schema: Schema) -> None:
    assert keywords(schema) <= KEYWORDS
    jsonschema.Draft202012Validator.check_schema(dict(schema))


@pytest.mark.parametrize("schema", [CHAT, RUN, PET], ids=["chat", "run", "pet"])
def test_the_field_that_tells_branches_apart_lists_its_words_in_each(schema: Schema) -> None:
    for node in nodes(schema):
        if "discriminator" in node:
            objects = [branch["properties"] for branch in node["anyOf"] if "properties" in branch]
            words = [word for fields in objects for word in fields[node["discriminator"]["propertyName"]]["enum"]]
            assert len(objects) > 1
            assert len(words) == len(set(words))


MESSAGE = {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}}]}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ASKED: dict[str, Any] = {
    "model": "m",
    "messages": [MESSAGE, {"role": "assistant", "content": None, "tool_calls": [CALL]}],
    "temperature": 1,
    "stop": ["a"],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "response_format": {"type": "json_object"},
    "logit_bias": {"1": 2},
    "codex_agent": {"workspace": "w", "budgets": {"max_seconds": 1}},
}
STANDARD = jsonschema.Draft202012Validator(dict(CHAT))


@given(st.data())
def test_it_passes_and_refuses_what_the_standard_does(data: st.DataObject) -> None:
    value = data.draw(changed(ASKED) | json_values)
    try:
        check(value, CHAT)
    except BrokenRequest:
        assert not STANDARD.is_valid(value)
    else:
        assert STANDARD.is_valid(value)


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        ("b", "a.b"),
        ("b-c_1", "a.b-c_1"),
        (0, "a[0]"),
        ("", 'a[""]'),
        ("b c", 'a["b c"]'),
        ("b\n", 'a["b\\n"]'),
        ("\ud800é", 'a["\\ud800\\u00e9"]'),
        ("x" * 65, f'a["{"x" * MAX_NAME_CHARS}"]'),
    ],
)
def test_a_path_shows_where_a_value_stands(step: str | int, shown: str) -> None:
    assert inside("a", step) == path(["a", step]) == shown


def test_the_whole_is_called_the_request_body() -> None:
    assert (named(""), subject("")) == ("the request body", "The request body")
    assert (named("a"), subject("a")) == ("`a`", "`a`")
