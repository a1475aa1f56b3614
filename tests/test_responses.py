"""Text, cost and usage of what LiteLLM gives back, be it an object or a dict, whole or streamed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import litellm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.types.utils import ModelResponseStream

from litellm_codex_agent.responses import assemble_stream_text, augment_json_with_cost, extract_content

from .answers import USAGE, chunk, completion, tool_call

Shape = Callable[[Any], Any]


def as_object(value: Any) -> Any:
    return json.loads(json.dumps(value), object_hook=lambda fields: SimpleNamespace(**fields))


SHAPES: dict[str, Shape] = {"dict": lambda value: value, "object": as_object}
shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)

# The text of a reply

PARTS = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hello"}, {"type": "text", "text": " there"}]
CONTENTS: dict[str, tuple[Any, str]] = {
    "a reply": (completion({"content": "Hello"}), "Hello"),
    "a chunk": (chunk({"content": "Hello"}), "Hello"),
    "parts": (completion({"content": PARTS}), "Hello there"),
    "the first choice": (completion({"content": "Hello"}, {"content": "Bye"}), "Hello"),
    "a tool call": (completion({"content": None, "tool_calls": [tool_call()]}), ""),
    "no content": (completion({"role": "assistant"}), ""),
    "an empty message": ({"choices": [{"message": {}}]}, ""),
    "no message": ({"choices": [{}]}, ""),
    "no choices": ({"choices": []}, ""),
    "choices of null": ({"choices": None}, ""),
    "choices that are no list": ({"choices": 1}, ""),
    "nothing": ({}, ""),
    "content that is no text": (completion({"content": 1}), ""),
    "null": (None, ""),
}


@shapes
@pytest.mark.parametrize(("response", "text"), CONTENTS.values(), ids=CONTENTS)
def test_the_content_is_the_text_of_the_first_choice(response: Any, text: str, shape: Shape) -> None:
    assert extract_content(shape(response)) == text


def test_the_content_of_litellms_own_reply_is_its_text() -> None:
    assert extract_content(litellm.ModelResponse(**completion({"content": "Hello"}))) == "Hello"


# The text of a stream


async def stream_of(chunks: list[Any], error: Exception | None = None) -> AsyncIterator[Any]:
    for part in chunks:
        yield part
    if error:
        raise error


STREAM = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "hm"}),
    chunk({"content": "Hello"}),
    chunk({"content": "Bye"}, index=1),
    chunk({"content": " there"}),
    {"choices": [{"index": None, "delta": {"content": "!"}}]},
    chunk({}, finish="stop"),
    {"choices": [], "usage": USAGE},
]


@shapes
def test_a_stream_is_put_together_from_its_first_choice(shape: Shape) -> None:
    assert asyncio.run(assemble_stream_text(stream_of([shape(part) for part in STREAM]))) == "Hello there!"


def test_litellms_own_chunks_are_put_together() -> None:
    chunks = [ModelResponseStream(**chunk({"content": text})) for text in ("Hello", " there")]
    assert asyncio.run(assemble_stream_text(stream_of(chunks))) == "Hello there"


def test_a_stream_of_nothing_is_no_text() -> None:
    assert asyncio.run(assemble_stream_text(stream_of([]))) == ""


def test_a_stream_that_fails_raises_and_gives_no_half_text() -> None:
    with pytest.raises(ConnectionError, match="cut"):
        asyncio.run(assemble_stream_text(stream_of(STREAM, ConnectionError("cut"))))


# The cost beside the text


def augmented(text: str, response: Any) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    value = json.loads(augment_json_with_cost(text, response), parse_constant=refuse)
    assert isinstance(value, dict)
    return value


@shapes
def test_cost_usage_and_model_stand_beside_the_fields_of_the_text(shape: Shape) -> None:
    response = shape({**completion(), "_hidden_params": {"response_cost": 0.25}})
    spent = {"cost": 0.25, "usage": USAGE, "model": "upstream-name"}
    assert augmented('{"a": 1}', response) == {"a": 1, "_litellm": spent}


def test_the_cost_of_litellms_own_reply_is_its_hidden_one() -> None:
    response = litellm.ModelResponse(**completion())
    response._hidden_params["response_cost"] = 0.25
    assert augmented("{}", response)["_litellm"] == {"cost": 0.25, "usage": USAGE, "model": "upstream-name"}


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("Hello", "Hello"),
        ("", ""),
        ("[1]", [1]),
        ("7", 7),
        ("null", None),
        ("{oops", "{oops"),
        ("NaN", "NaN"),
        ('{"a": Infinity}', '{"a": Infinity}'),
        ("[1e999]", "[1e999]"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_text_that_is_no_object_comes_back_under_content(text: str, content: object) -> None:
    assert augmented(text, {}) == {"content": content, "_litellm": {}}


@settings(deadline=None, max_examples=100)
@given(st.text() | st.lists(st.sampled_from(['{"a":', "}", "[", "]", "1e999", "NaN", '"', "\ud800"])).map("".join))
def test_the_result_is_a_json_object_whatever_the_text(text: str) -> None:
    assert "_litellm" in augmented(text, {})


@shapes
@pytest.mark.parametrize(
    ("response", "cost"),
    [
        ({"_hidden_params": {"response_cost": 1}}, 1.0),
        ({"_hidden_params": {"response_cost": 0.0}}, 0.0),
        ({"_hidden_params": {"response_cost": 0.0}, "usage": {"cost": 2}}, 0.0),
        ({"_hidden_params": {"response_cost": None}, "usage": {"cost": 2}}, 2.0),
        ({"_hidden_params": {}, "usage": {"cost": 2}}, 2.0),
        ({"usage": {"cost": 0.5}}, 0.5),
        ({"_hidden_params": {"response_cost": "1"}}, None),
        ({"_hidden_params": {"response_cost": float("nan")}}, None),
        ({"_hidden_params": {"response_cost": float("inf")}}, None),
        ({"usage": None}, None),
        ({}, None),
    ],
)
def test_the_cost_is_litellms_else_the_endpoints(response: Any, cost: float | None, shape: Shape) -> None:
    assert augmented("{}", shape(response))["_litellm"].get("cost") == cost


@shapes
@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (USAGE, USAGE),
        ({"total_tokens": 0}, {"total_tokens": 0}),
        ({"prompt_tokens": 1, "completion_tokens": None, "total_tokens": "3"}, {"prompt_tokens": 1}),
        ({"other_tokens": 1}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_usage_is_told_in_the_counts_that_are_there(usage: Any, told: Any, shape: Shape) -> None:
    assert augmented("{}", shape({"usage": usage}))["_litellm"].get("usage") == told
