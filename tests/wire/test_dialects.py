"""Endpoints write the same answer in different ways; it has to be read as one."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.wire.dialects import joined_text, settled
from litellm_codex_agent.wire.stream import ChunkReader

from ..answers import USAGE, chunk, completion, tool_call
from ..endpoint import DONE, event


def message(said: dict[str, Any], **fields: Any) -> Any:
    return settled(completion(said, **fields))["choices"][0]["message"]


@pytest.mark.parametrize(
    ("said", "content", "reasoning"),
    [
        ({"content": "4", "reasoning": "2+2"}, "4", "2+2"),
        ({"content": "4", "reasoning_content": "2+2", "reasoning": "other"}, "4", "2+2"),
        ({"content": "<think>2+2</think>4"}, "4", "2+2"),
        ({"content": "\n<thinking>2\n+2</thinking>4"}, "4", "2\n+2"),
        ({"content": "say <think>x</think>"}, "say <think>x</think>", None),
        ({"content": "<think>2+2"}, "<think>2+2", None),
        ({"content": None}, None, None),
    ],
)
def test_reasoning_is_found_where_endpoints_put_it(said: dict[str, Any], content: str, reasoning: str | None) -> None:
    read = message(said)
    assert (read["content"], read.get("reasoning_content")) == (content, reasoning)


@pytest.mark.parametrize(
    ("finish", "read"), [("stop", "tool_calls"), ("length", "length"), ("tool_calls", "tool_calls")]
)
def test_a_stop_beside_tool_calls_is_a_stop_for_tools(finish: str, read: str) -> None:
    body = completion({"content": None, "tool_calls": [tool_call()]}, finish=finish)
    assert settled(body)["choices"][0]["finish_reason"] == read


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ({"created": 17.9}, {"created": 17}),
        ({"created": "today"}, {"created": None}),
        ({"id": 5}, {"id": "5"}),
        ({"usage": []}, {"usage": None}),
        ({"usage": USAGE}, {"usage": USAGE}),
        ({"system_fingerprint": None}, {"system_fingerprint": None}),
    ],
)
def test_what_stands_beside_the_answer_never_costs_it(fields: dict[str, Any], read: dict[str, Any]) -> None:
    told = settled({**completion(), **fields})
    assert {name: told.get(name) for name in read} == read


@pytest.mark.parametrize(
    ("content", "text"),
    [("a", "a"), (None, None), ([{"type": "text", "text": "a"}, {"text": 5}, "b", {"text": "c"}], "ac"), ([], "")],
)
def test_a_list_of_text_parts_is_one_text(content: object, text: object) -> None:
    assert joined_text(content) == text


def test_a_streams_head_and_content_are_read_alike() -> None:
    odd = {**chunk({"content": [{"type": "text", "text": "a"}]}), "id": 5, "created": 1.5, "usage": []}
    (read,) = list(ChunkReader().feed(event(odd) + DONE))
    assert (read["id"], read["created"], read["choices"][0]["delta"]["content"]) == ("5", 1, "a")


def test_settling_leaves_the_given_reply_as_it_was() -> None:
    body = completion({"content": "<think>a</think>b", "tool_calls": [tool_call()]})
    before = repr(body)
    settled(body)
    assert repr(body) == before
