"""Answers in the form that was asked for: read, checked, asked for once more, and what could not be checked refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.agent.structured import MAX_ANSWER_BYTES, BrokenAnswer, Form, bare, check, checker, form
from litellm_codex_agent.backends.parameters import RefusedParameter
from litellm_codex_agent.wire.schema import BrokenRequest

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


def asked(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}


@pytest.mark.parametrize("response_format", [None, {}, {"type": "text"}])
def test_without_a_form_any_text_will_do(response_format: Any) -> None:
    assert form(response_format) is None


def test_a_form_is_an_object_or_what_its_schema_says() -> None:
    assert form({"type": "json_object"}) == Form({"type": "object"})
    assert form(asked(SCHEMA)) == Form(SCHEMA)
    assert form(asked(None)) == form({"type": "json_schema", "json_schema": {"name": "a"}}) == Form({})


@pytest.mark.parametrize(
    "text", ['{"n": 1}', ' {"n": 1.0}\n', '```json\n{"n": 1}\n```', '\n```\n{\n"n": 1\n}\n```  \n']
)
def test_an_answer_that_fits_is_read_also_out_of_a_fence(text: str) -> None:
    assert check(text, Form(SCHEMA)) == {"n": 1}


def test_only_a_fence_around_the_whole_is_taken_off() -> None:
    assert bare("```json\n{}\n```") == "{}"
    assert bare("a ```json\n{}\n```") == "a ```json\n{}\n```"


BROKEN = [
    ("", "The answer is empty."),
    (" \n", "The answer is empty."),
    ('Here it is: {"n": 1}', "The answer is not JSON: Expecting value, line 1, column 1."),
    ('```json\n{"n": 1}', "The answer is not JSON: "),
    ('{"n": 1} and ```json\n{"n": 1}\n```', "The answer is not JSON: Extra data, line 1, column 10."),
    ("[1]", "The answer does not fit its schema: [1] is not of type 'object'."),
    ('{"n": "1"}', "The answer does not fit its schema: `n`: '1' is not of type 'integer'."),
    ("{}", "The answer does not fit its schema: 'n' is a required property."),
    ('{"n": NaN}', "`n` has to be a finite number."),
    ('"' + "a" * MAX_ANSWER_BYTES + '"', "The answer has 1,048,578 bytes, and may have 1,048,576."),
]


@pytest.mark.parametrize(("text", "sentence"), BROKEN, ids=lambda entry: entry[:20])
def test_an_answer_that_does_not_fit_says_why(text: str, sentence: str) -> None:
    with pytest.raises(BrokenAnswer) as caught:
        check(text, Form(SCHEMA))
    assert str(caught.value).startswith(sentence)


def test_an_answer_may_be_as_long_as_its_limit() -> None:
    text = "a" * (MAX_ANSWER_BYTES - 2)
    assert check(f'"{text}"', Form({"type": "string"})) == text


def test_any_object_will_do_where_one_was_asked_for() -> None:
    wanted = form({"type": "json_object"})
    assert wanted and check('{"a": [1]}', wanted) == {"a": [1]}
    with pytest.raises(BrokenAnswer, match="is not of type 'object'"):
        check("[]", wanted)


def test_a_checker_says_what_is_wrong_and_nothing_where_it_fits() -> None:
    why = checker(asked(SCHEMA))
    assert why and why('{"n": 1}') == "" and why("").startswith("The answer is empty")
    assert checker(None) is None


def test_a_checker_of_what_could_not_be_checked_is_refused() -> None:
    with pytest.raises(RefusedParameter, match="cannot be checked: `type`") as caught:
        checker(asked({"type": "objekt"}))
    assert caught.value.name == "response_format.json_schema.schema"


LIST = {"type": "array", "prefixItems": [{"type": "string"}]}
REFUSED = [
    ({"type": "objekt"}, "`type`: 'objekt' is not valid"),
    ({"$ref": "https://h/schema"}, "it refers to 'https://h/schema', which is not in it"),
    ({"items": {"$ref": "https://h/schema"}}, "`items` has a reference to 'https://h/schema', which is not in it."),
    ({"items": {"$ref": "#/allOf/1"}, "allOf": [{}]}, "`items` has a reference to '#/allOf/1', which is not in it."),
    ({"properties": {"a": {"pattern": "(a+)+$"}}}, "`properties.a` has a `pattern` that may take for ever. Take it"),
    ({"anyOf": [{}, {"patternProperties": {"a": {}}}]}, "`anyOf[1]` has `patternProperties`, which is not checked"),
    ({"definitions": {"a": {"unevaluatedProperties": False}}}, "`definitions.a` has `unevaluatedProperties`, which"),
]
LEADS = ["#", "#/$defs/a~1b", "#/$defs/a%7E1b", "#/prefixItems/0", "#name"]


@pytest.mark.parametrize("reference", LEADS)
def test_a_reference_may_lead_anywhere_in_the_schema(reference: str) -> None:
    wanted = {**LIST, "$defs": {"a/b": {"$anchor": "name"}}, "items": {"$ref": reference}}
    assert form(asked(wanted)) == Form(wanted)


@pytest.mark.parametrize(("schema", "why"), REFUSED)
def test_a_schema_that_could_not_be_checked_is_refused_before_the_run(schema: Any, why: str) -> None:
    with pytest.raises(BrokenRequest) as caught:
        form(asked(schema))
    assert str(caught.value).startswith(f"`response_format.json_schema.schema` cannot be checked: {why}")
    assert (caught.value.param, caught.value.status) == ("response_format.json_schema.schema", 400)


def test_what_only_is_called_like_a_keyword_is_no_fault() -> None:
    names = {"pattern": {"type": "string"}, "patternProperties": {"enum": ["(a+)+$"]}}
    wanted = {"type": "object", "properties": names, "default": {"pattern": "(a+)+$"}, "const": {"pattern": "(a+)+$"}}
    assert form(asked(wanted)) == Form(wanted)


def test_a_pattern_is_checked_and_a_text_that_is_too_long_for_it_is_no_answer() -> None:
    wanted = form(asked({"type": "string", "pattern": "^[^@]+@[^@]+[.]com$"}))
    assert wanted and check('"a@b.com"', wanted) == "a@b.com"
    with pytest.raises(BrokenAnswer, match="does not match"):
        check('"a@b.org"', wanted)
    with pytest.raises(BrokenAnswer, match="cannot be checked against its schema: the pattern"):
        check(f'"{"a" * 5000}@b.com"', wanted)


def test_a_schema_may_say_whatever_json_says() -> None:
    for schema, text, value in [({"type": "array"}, "[1]", [1]), ({"enum": ["a"]}, '"a"', "a"), ({}, "null", None)]:
        wanted = form(asked(schema))
        assert wanted and check(text, wanted) == value


@given(st.text(max_size=40))
def test_any_text_is_read_or_told(text: str) -> None:
    try:
        assert isinstance(check(text, Form(SCHEMA)), dict)
    except BrokenAnswer as error:
        assert str(error).endswith(".")
