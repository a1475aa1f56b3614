"""A message list as Codex is given it: instructions, history, input, and what is refused by its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_codex_agent.backends.codex.conversation import MAX_INPUT_CHARS, Opening, opening
from litellm_codex_agent.backends.parameters import RefusedParameter
from litellm_codex_agent.wire.chat_request import read_chat

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content[0] if isinstance(content[0], str) else list(content)}


def assistant(content: Any = None, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


def tool(content: Any, id: str = "c1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content}


def image(url: str = PIXEL, **fields: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **fields}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def opened(*messages: dict[str, Any], continues: bool = False) -> Opening:
    """As the server has them: what its own reader refuses comes to no backend."""
    read = read_chat(json.dumps({"model": "codex", "messages": messages}).encode())
    return opening(read.messages, continues=continues)


def asked(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words, "text_elements": []}


def said(role: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(content)}


def test_system_and_developer_texts_are_the_instructions_wherever_they_stand() -> None:
    one, two = {"role": "system", "content": "Be brief."}, {"role": "developer", "content": [text("No"), text("Go")]}
    given = opened(one, user("Hi"), assistant("Ho"), two, user("Do it"), {"role": "system", "content": " "})
    assert given.instructions == "Be brief.\n\nNo\n\nGo"
    assert given.input == (asked("Do it"),)
    assert given.history == (
        said("user", {"type": "input_text", "text": "Hi"}),
        said("assistant", {"type": "output_text", "text": "Ho"}),
    )


def test_all_that_users_say_behind_the_last_answer_is_asked() -> None:
    assert opened(user("a"), assistant("b"), user("c"), user(text("d"), image())).input == (
        asked("c"),
        asked("d"),
        {"type": "image", "url": PIXEL},
    )


def test_a_first_question_has_no_history() -> None:
    assert opened(user("Hi")) == Opening("", (), (asked("Hi"),))
    assert opened(user("Hi"), user("Ho")) == Opening("", (), (asked("Hi"), asked("Ho")))


def test_a_session_that_goes_on_is_given_the_question_only() -> None:
    before = [user("Hi"), assistant(tool_calls=[CALL])]
    assert opened(*before, user("On"), continues=True) == Opening("", (), (asked("On"),))


@pytest.mark.parametrize("detail", ["high", "auto", "original", None])
def test_an_image_keeps_its_detail(detail: str | None) -> None:
    given = opened(
        user(image(detail=detail)), assistant("b"), user(image(PIXEL.replace("data", "DATA"), detail=detail))
    )
    more = {"detail": detail} if detail else {}
    assert given.input == ({"type": "image", "url": PIXEL.replace("data", "DATA"), **more},)
    assert given.history[0] == said("user", {"type": "input_image", "image_url": PIXEL, **more})


def test_an_image_may_be_given_by_its_url_alone() -> None:
    assert opened(user({"type": "image_url", "image_url": PIXEL})).input == ({"type": "image", "url": PIXEL},)


@pytest.mark.parametrize("begin", ["iVBORw0KGgo=", "/9j/", "R0lGODdh", "R0lGODlh", "UklGRgAKAABXRUJQ"])
def test_an_image_is_known_by_how_it_begins(begin: str) -> None:
    url = f"data:image/png;BASE64,{begin}"
    assert opened(user(image(url))).input == ({"type": "image", "url": url},)


def test_calls_and_their_answers_are_history() -> None:
    custom = {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "ls"}}
    given = opened(assistant("I look.", tool_calls=[CALL, custom]), tool("no", "c2"), tool("yes"), user("And?"))
    assert given.history == (
        said("assistant", {"type": "output_text", "text": "I look."}),
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"x": 1}'},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "ls"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "no"},
        {"type": "function_call_output", "call_id": "c1", "output": "yes"},
    )


def test_a_tools_answer_may_have_an_image_or_nothing() -> None:
    both = opened(assistant(tool_calls=[CALL]), tool([text("a"), image()]), user("And?")).history[1]
    assert both["output"] == [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": PIXEL}]
    assert opened(assistant(tool_calls=[CALL]), tool(""), user("And?")).history[1]["output"] == ""
    assert (
        opened(assistant(tool_calls=[CALL]), tool([text("a"), text("b")]), user("x")).history[1]["output"] == "a\n\nb"
    )


def test_a_function_of_old_is_a_call_with_an_id_of_its_own() -> None:
    called = assistant(function_call={"name": "f", "arguments": "{}"})
    answer = {"role": "function", "name": "f", "content": "1"}
    one, other, again, last = opened(called, answer, called, {**answer, "content": None}, user("And?")).history
    assert one["call_id"] == other["call_id"] != again["call_id"] == last["call_id"]
    assert (one["type"], other, last["output"]) == (
        "function_call",
        {"type": "function_call_output", "call_id": one["call_id"], "output": "1"},
        "",
    )


def test_thinking_is_passed_over_and_a_refusal_is_text() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    refused = {"type": "refusal", "refusal": "I will not."}
    first = assistant([thought, refused, {"type": "redacted_thinking", "data": "x"}], reasoning_content="hm")
    second = assistant("No.", refusal="Never.")
    given = opened(user("a"), first, assistant(None, reasoning_content="hm"), second, user("b"), continues=False)
    assert given.history[1:] == (
        said("assistant", {"type": "output_text", "text": "I will not."}),
        said("assistant", {"type": "output_text", "text": "No."}, {"type": "output_text", "text": "Never."}),
    )


def test_an_empty_message_of_a_user_is_no_history() -> None:
    assert opened(user(" "), assistant("b"), user("c")).history == (
        said("assistant", {"type": "output_text", "text": "b"}),
    )


FILES = [
    ("data:text/plain;base64,SGkg4oKs", "Hi €"),
    ("data:application/json,%7B%22a%22%3A1%7D", '{"a":1}'),
    ("DATA:application/ld+JSON;charset=utf-8;Base64,e30=", "{}"),
]


@pytest.mark.parametrize(("data", "words"), FILES)
def test_a_text_file_that_is_given_inline_is_read_with_its_name(data: str, words: str) -> None:
    named = {"type": "file", "file": {"file_data": data, "filename": "notes"}}
    nameless = {"type": "file", "file": {"file_data": data}}
    assert opened(user(named, nameless)).input == (asked(f"notes:\n\n{words}"), asked(f"A file:\n\n{words}"))


REFUSED = [
    image("http://x/y.png"),
    image("https://x/y.png"),
    image("file:///etc/passwd"),
    image("data:text/plain,x"),
    image("data:image/png;base64,SGk="),
    image("data:image/png;base64,"),
    image(PIXEL.rstrip("=")),
    image(PIXEL + "é"),
    image("data:image/png,%89PNG%0D%0A%1A%0A"),
    image("data:image/svg+xml;base64,PHN2Zz4="),
    image(detail="low"),
    image(detail="huge"),
    {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}},
    {"type": "video_url", "video_url": {"url": "https://x"}},
    {"type": "document", "source": {}},
    {"type": "file", "file": {"file_id": "f1"}},
    *(
        {"type": "file", "file": {"file_data": data}}
        for data in (
            "data:application/pdf;base64,SGk=",
            "data:text/plain;base64,SG=k",
            "data:application/notjson,x",
            "data:text/plain;base64,/w==",
            "data:text/plain",
            "https://text/plain,x",
            "text/plain,x",
        )
    ),
]


@pytest.mark.parametrize("part", REFUSED, ids=json.dumps)
def test_what_codex_cannot_take_is_refused_by_its_place(part: dict[str, Any]) -> None:
    for messages in ([user("a"), assistant("b"), user(text("c"), part)], [user("a"), user("b"), user(text("c"), part)]):
        with pytest.raises(RefusedParameter, match=r"^`messages\[2\]\.content\[1\]` has .*: Codex takes ") as refused:
            opened(*messages)
        assert refused.value.name == "messages[2].content[1]"


PLACES = [
    ([{"role": "system", "content": [image()]}, user("a")], "messages[0].content"),
    ([assistant([text("a"), image()]), user("a")], "messages[0].content"),
    ([user("a"), assistant(None, audio={"id": "x"}), user("b")], "messages[1].audio"),
    ([user("a"), tool("b"), user("c")], "messages[1].tool_call_id"),
    ([assistant(tool_calls=[CALL]), tool("b"), tool("b"), user("c")], "messages[2].tool_call_id"),
    ([assistant(tool_calls=[CALL]), user("c")], "messages[0].tool_calls[0]"),
    ([assistant(tool_calls=[CALL]), user("c"), tool("b"), user("d")], "messages[0].tool_calls[0]"),
    ([assistant(tool_calls=[CALL]), assistant("b"), tool("b"), user("d")], "messages[0].tool_calls[0]"),
    ([assistant(function_call={"name": "f", "arguments": "{}"}), user("b")], "messages[0].function_call"),
    ([{"role": "function", "name": "f", "content": "b"}, user("c")], "messages[0].name"),
    ([assistant(tool_calls=[CALL]), tool([{"type": "document"}]), user("b")], "messages[1].content[0]"),
    ([user("a"), assistant("b")], "messages"),
    ([user("a"), assistant(tool_calls=[CALL]), tool("b")], "messages"),
    ([{"role": "system", "content": "a"}], "messages"),
    ([user("a"), assistant("b"), user(" ")], "messages"),
    ([user({"type": "thinking", "thinking": "hm"})], "messages"),
]


@pytest.mark.parametrize(("messages", "place"), PLACES)
def test_a_conversation_that_codex_cannot_take_is_refused_by_its_place(messages: list[Any], place: str) -> None:
    with pytest.raises(RefusedParameter, match="Codex ") as refused:
        opened(*messages)
    assert refused.value.name == place


def test_a_sound_whose_words_are_there_too_is_told_by_them() -> None:
    assert opened(assistant("Hi", audio={"id": "x"}), user("b")).history == (
        said("assistant", {"type": "output_text", "text": "Hi"}),
    )


def test_more_than_codex_takes_at_once_is_refused() -> None:
    said = {"role": "user", "content": "x" * MAX_INPUT_CHARS}
    opening([said], continues=False)
    with pytest.raises(RefusedParameter, match="1,048,576 letters") as refused:
        opening([said, {"role": "user", "content": "y"}], continues=False)
    assert refused.value.name == "messages"
