"""The arguments of a call: read strictly, checked by the tool's schema, and each fault is one a model can mend."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.tools.arguments import MAX_ARGUMENTS_BYTES, BrokenArguments, read_arguments
from litellm_codex_agent.tools.schemas import MAX_FAULT_CHARS, UNCHECKED, Uncheckable, fault
from litellm_codex_agent.tools.source import Tool

SCHEMA = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
    "required": ["path"],
    "additionalProperties": False,
}


def read(text: str, schema: Any = SCHEMA) -> Any:
    return read_arguments(text, Tool("read", "", schema))


def test_arguments_that_fit_are_read() -> None:
    assert read('{"path": "a", "lines": [1, 2.0]}') == {"path": "a", "lines": [1, 2]}


@pytest.mark.parametrize("text", ["", " \n", "{}"])
def test_no_text_is_no_arguments(text: str) -> None:
    assert read(text, {"type": "object"}) == {}


BROKEN = [
    ('{"path"', "The arguments of `read` were not understood: the text is not JSON: Expecting ':' delimiter, line 1, "),
    ('{"path": NaN}', "`path` has to be a finite number."),
    ("[" * 1000, "The arguments of `read` were not understood: the text is nested deeper than 100 levels."),
    ("[]", "The arguments of `read` have to be a JSON object."),
    ("null", "The arguments of `read` have to be a JSON object."),
    ("{}", "The arguments of `read` do not fit its schema: 'path' is a required property."),
    ('{"path": 5}', "The arguments of `read` do not fit its schema: `path`: 5 is not of type 'string'."),
    ('{"path": "", "lines": ["x"]}', "The arguments of `read` do not fit its schema: `lines[0]`: 'x' is not of type "),
    ('{"path": "", "x": 1}', "The arguments of `read` do not fit its schema: Additional properties are not allowed"),
    (json.dumps({"path": "a" * MAX_ARGUMENTS_BYTES}), "The arguments of `read` have 1,048,588 bytes, and may have "),
]


@pytest.mark.parametrize(("text", "sentence"), BROKEN, ids=lambda entry: entry[:30])
def test_a_fault_is_one_sentence_for_the_model(text: str, sentence: str) -> None:
    with pytest.raises(BrokenArguments) as caught:
        read(text)
    assert str(caught.value).startswith(sentence)


def test_a_fault_quotes_no_more_than_a_part_of_the_value() -> None:
    with pytest.raises(BrokenArguments) as caught:
        read('{"path": ["%s"]}' % ("a" * 100_000))
    assert MAX_FAULT_CHARS < len(str(caught.value)) < 2 * MAX_FAULT_CHARS


def test_half_of_a_surrogate_pair_does_not_break_a_reader() -> None:
    assert read('{"path": "a\ud800"}') == {"path": "a?"}


def fanned_out(levels: int) -> dict[str, Any]:
    """Each step asks for the next one twice."""
    steps = {f"s{number}": {"allOf": [{"$ref": f"#/$defs/s{number + 1}"}] * 2} for number in range(levels)}
    return {"$ref": "#/$defs/s0", "$defs": {**steps, f"s{levels}": {"type": "object"}}}


UNCHECKABLE = [
    ({"type": "strin"}, "`type`: 'strin' is not valid under any of the given schemas"),
    ({"type": "object", "properties": 1}, "`properties`: 1 is not of type 'object'"),
    ({"$ref": "#"}, "it leads back to itself"),
    ({"$ref": "http://127.0.0.1:9/schema"}, "it refers to 'http://127.0.0.1:9/schema', which is not in it"),
    ({"$ref": "#/$defs/none"}, "it refers to '/$defs/none', which is not in it"),
    ({"required": ["a"], "x": {1}}, "it is not JSON"),
    ({"properties": {"path": {"multipleOf": 10**400}}}, "it asks what nobody can answer (OverflowError)"),
    (fanned_out(40), "it takes more than 50,000 steps"),
    ({"allOf": [{}] * 5_000}, "it has more than 5,000 parts"),
]
NESTED: dict[str, Any] = {}
for _ in range(400):
    NESTED = {"not": NESTED}


@pytest.mark.parametrize(("schema", "why"), UNCHECKABLE, ids=lambda entry: repr(entry)[:40])
def test_a_schema_that_cannot_be_checked_says_why_and_the_call_goes_on(schema: Any, why: str) -> None:
    value = {"path": 1.5}
    with pytest.raises(Uncheckable) as caught:
        fault(value, schema)
    assert str(caught.value).startswith(why)
    assert read(json.dumps(value), schema) == value


def test_a_schema_as_deep_as_the_sea_is_not_checked() -> None:
    with pytest.raises(Uncheckable):
        fault({}, NESTED)


SLOW = [
    {"patternProperties": {"(a+)+$": {}}, "additionalProperties": False},
    {"patternProperties": {"(a+)+$": {}}, "unevaluatedProperties": False},
    {"properties": {"b": {"uniqueItems": True}}},
]


@pytest.mark.parametrize("schema", SLOW, ids=lambda schema: next(iter(schema)))
def test_what_may_take_for_ever_is_left_to_the_tool(schema: Any) -> None:
    long = "a" * 60 + "!"
    assert fault({long: 1, "b": [{"x": number} for number in range(50_000)]}, schema) == ""
    assert {"patternProperties", "unevaluatedProperties"} == UNCHECKED


def test_a_pattern_is_matched_where_it_ends_soon() -> None:
    assert fault("a1", {"pattern": "^[a-z]+$"}) == "'a1' does not match '^[a-z]+$'"
    assert fault("ab", {"pattern": "^[a-z]+$"}) == fault(1, {"pattern": "^[a-z]+$"}) == ""
    with pytest.raises(Uncheckable, match=r"^the pattern '\(a\+\)\+\$' may take too long"):
        fault("a" * 60 + "!", {"pattern": "(a+)+$"})


LONG, MANY = "x" * 900_000, [7] * 40_000
COSTLY: dict[str, tuple[Any, Any]] = {
    "a fault for each branch": (LONG, {"anyOf": [{"type": "integer"}] * 4_000}),
    "a fault that quotes names": ({LONG: 1}, {"anyOf": [{"type": "integer"}] * 4_000}),
    "a list for each entry": (MANY, {"items": {"enum": [*range(40_000), 7][8:]}}),
    "names for each entry": ([{}] * 40_000, {"items": {"properties": {str(number): {} for number in range(4_000)}}}),
    "a list that is read again": (MANY, {"allOf": [{"uniqueItems": False, "contains": {"const": 7}}] * 2_000}),
    "a pattern for each entry": (["a" * 100] * 400, {"items": {"pattern": "^a*a*a*$"}}),
    "patterns that are all new": ("a", {"allOf": [{"pattern": f"a{'b?' * 20}{number}|a"} for number in range(1_500)]}),
}


@pytest.mark.parametrize(("value", "schema"), COSTLY.values(), ids=COSTLY)
def test_what_a_rule_looks_through_counts_as_steps(value: Any, schema: Any) -> None:
    with pytest.raises(Uncheckable, match="it takes more than 50,000 steps"):
        fault(value, schema)


def test_a_long_text_in_a_usual_schema_is_checked() -> None:
    schema = {"type": "object", "properties": {"text": {"type": "string", "minLength": 1}}, "required": ["text"]}
    assert fault({"text": LONG}, schema) == "" and fault({"text": MANY}, schema).startswith("`text`: [7, 7")


ALIKE = "its entries are not all different"


@pytest.mark.parametrize(("value", "told"), [([1, 2, "1"], ""), ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], ALIKE), (1, "")])
def test_entries_that_are_alike_are_found(value: Any, told: str) -> None:
    assert fault(value, {"uniqueItems": True}) == told
    assert fault(value, {"uniqueItems": False}) == ""


@pytest.mark.parametrize("draft", ["http://json-schema.org/draft-07/schema#", "none-that-is-known"])
def test_a_schema_of_whatever_draft_is_checked(draft: str) -> None:
    assert fault(1, {"$schema": draft, "type": "string"}) == "1 is not of type 'string'"


def test_a_schema_is_read_by_its_own_draft() -> None:
    assert fault([1, 2], {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{}, False]})


def test_true_and_false_are_schemas() -> None:
    assert fault(1, True) == ""
    assert fault(1, False) == "False schema does not allow 1"


@given(st.text(max_size=40) | st.text(alphabet='{}[]":,1e.-path ', max_size=30))
def test_any_text_is_read_or_told(text: str) -> None:
    try:
        assert isinstance(read(text), dict)
    except BrokenArguments as error:
        assert "`" in str(error) and "\n" not in str(error)
