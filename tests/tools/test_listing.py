"""The list of a tools' server, in each of its forms."""

from __future__ import annotations

import json

import pytest

from litellm_codex_agent.tools.listing import ANY_ARGUMENTS, MAX_TOOLS, Listed, read_list
from litellm_codex_agent.tools.source import Tool, ToolsUnavailable

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
ADD = [Listed("add", Tool("add", "Adds.", SCHEMA))]


def listed(value: object) -> list[Listed]:
    return read_list(json.dumps(value).encode())


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": SCHEMA}},
        {"name": "add", "description": "Adds.", "parameters": SCHEMA},
        {"name": "add", "description": "Adds.", "inputSchema": SCHEMA},
        {"name": "add", "description": "Adds.", "input_schema": SCHEMA},
        {"name": "add", "description": "Adds.", "parameters": None, "inputSchema": SCHEMA},
    ],
)
def test_a_tool_is_read_in_each_dialect(entry: object) -> None:
    assert listed([entry]) == listed({"tools": [entry]}) == ADD


def test_a_bare_name_and_a_missing_schema_take_any_arguments() -> None:
    assert (
        listed(["now"])
        == listed([{"name": "now", "description": 7, "parameters": {}}])
        == [Listed("now", Tool("now", "", ANY_ARGUMENTS))]
    )


def test_a_schema_without_a_type_is_an_objects() -> None:
    (entry,) = listed([{"name": "add", "parameters": {"properties": {}}}])
    assert entry.tool.parameters == {"type": "object", "properties": {}}


def test_a_name_that_is_not_valid_is_told_in_the_description() -> None:
    read, bare = listed([{"name": "a/b", "description": "Reads."}, {"name": "c d"}])
    assert (read.name, read.tool.name, read.tool.description) == ("a/b", "a_b", "a/b: Reads.")
    assert (bare.name, bare.tool.name, bare.tool.description) == ("c d", "c_d", "c d")


def test_a_tool_that_stands_twice_is_one() -> None:
    assert [entry.tool.description for entry in listed([{"name": "a", "description": "1"}, "b", {"name": "a"}])] == [
        "1",
        "",
    ]


@pytest.mark.parametrize(
    ("marks", "idempotent"),
    [
        ({"idempotent": True}, True),
        ({"annotations": {"idempotentHint": True}}, True),
        ({"idempotent": "yes"}, False),
        ({"annotations": {"idempotentHint": 1}}, False),
        ({"annotations": [True]}, False),
        ({}, False),
    ],
)
def test_only_a_plain_true_marks_a_tool_as_idempotent(marks: dict[str, object], idempotent: bool) -> None:
    inner = {"type": "function", "function": {"name": "a", **marks}}
    for entry in ({"name": "a", **marks}, {"type": "function", "function": {"name": "a"}, **marks}, inner):
        assert [found.idempotent for found in listed([entry])] == [idempotent]


@pytest.mark.parametrize("value", [{}, {"tools": None}, "tools", 7, None, [{}], [7], [{"name": ""}], [{"function": 7}]])
def test_what_is_no_list_is_refused(value: object) -> None:
    with pytest.raises(ToolsUnavailable):
        listed(value)


def test_a_list_without_end_is_refused() -> None:
    assert len(listed([f"t{number}" for number in range(MAX_TOOLS)])) == MAX_TOOLS
    with pytest.raises(ToolsUnavailable, match="1,025 tools"):
        listed([f"t{number}" for number in range(MAX_TOOLS + 1)])
    with pytest.raises(ToolsUnavailable, match="not JSON"):
        read_list(b"[" * 100_000)


def test_a_list_may_begin_with_a_mark() -> None:
    assert read_list(b'\xef\xbb\xbf["a"]')[0].name == "a"
