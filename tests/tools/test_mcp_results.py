"""What an MCP server's reply says."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.tools.mcp_results import result_of
from litellm_codex_agent.tools.source import MAX_WHOLE_BYTES, Result


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def test_texts_stand_below_each_other() -> None:
    assert result_of({"content": [text("a"), text(""), text("b")]}, "bwrap") == Result(stdout="a\nb", isolation="bwrap")


@pytest.mark.parametrize("content", [None, [], "text", 7, [7, None, "x"], {}])
def test_content_that_is_none_is_an_empty_result(content: object) -> None:
    assert result_of({"content": content}) == Result()


@pytest.mark.parametrize(
    ("said", "structured", "told"),
    [
        ('{"x": 1}', {"x": 1}, '{"x": 1}'),
        ('{\n "x": 1\n}', {"x": 1}, '{\n "x": 1\n}'),
        ("hello", {"result": "hello"}, "hello"),
        ("7", {"result": 7}, "7"),
        ("[1, 2]", {"result": [1, 2]}, "[1, 2]"),
        ("It is 7.", {"x": 7}, 'It is 7.\n{"x": 7}'),
        ("7", {"result": 8}, '7\n{"result": 8}'),
        ("[" * 100_000, {"x": 1}, "[" * 100_000 + '\n{"x": 1}'),
        ("", {"wörd": None}, '{"wörd": null}'),
    ],
)
def test_structured_content_is_told_where_the_text_does_not_say_it(said: str, structured: Any, told: str) -> None:
    assert result_of({"content": [text(said)], "structuredContent": structured}).stdout == told


def test_structured_content_stands_alone_and_below_several_texts() -> None:
    assert result_of({"structuredContent": {"x": 1}}).stdout == '{"x": 1}'
    assert result_of({"content": [text("1"), text("2")], "structuredContent": {"x": 1}}).stdout == '1\n2\n{"x": 1}'


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"type": "image", "mimeType": "image/png", "data": "QUJD"}, "[image of type image/png left out, 3 bytes]"),
        ({"type": "audio", "mimeType": "audio/wav", "data": "QQ=="}, "[audio of type audio/wav left out, 1 bytes]"),
        ({"type": "audio"}, "[audio of type unknown left out, 0 bytes]"),
        ({"type": "resource_link", "uri": "file:///a", "name": "a"}, "[link to the resource file:///a, a]"),
        ({"type": "resource", "resource": {"uri": "u:1", "text": "inside"}}, "[resource u:1]\ninside"),
        (
            {"type": "resource", "resource": {"uri": "u:1", "mimeType": "a/b", "blob": "QUI="}},
            "[resource u:1 of type a/b left out, 2 bytes]",
        ),
        ({"type": "resource"}, "[content of the kind resource left out]"),
        ({"type": "hologram"}, "[content of the kind hologram left out]"),
        ({}, "[content of the kind unknown left out]"),
    ],
)
def test_what_is_no_text_is_told(block: dict[str, Any], told: str) -> None:
    assert result_of({"content": [block]}).stdout == told


def test_an_error_is_a_failed_result_in_its_own_words() -> None:
    assert result_of({"isError": True, "content": [text("no")]}) == Result(rc=1, stdout="no", error="no")
    assert result_of({"isError": True}).error == "The tool says that it failed."
    assert len(result_of({"isError": True, "content": [text("x" * 9000)]}).error) == 500
    assert result_of({"isError": "yes", "content": []}).ok


def test_a_text_is_kept_to_its_bound() -> None:
    assert result_of({"content": [text("x" * MAX_WHOLE_BYTES)]}).ok
    over = result_of({"content": [text("x" + "é" * (MAX_WHOLE_BYTES // 2))]})
    assert over.rc == 1 and "cut" in over.error and len(over.stdout.encode()) == MAX_WHOLE_BYTES - 1
