"""Chat completions as JSON: what can be used is read, and what cannot says so in one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_codex_agent.errors import BrokenReply, Refusal
from litellm_codex_agent.wire.chat import (
    MAX_ERROR_CHARS,
    error_body,
    excerpt,
    read_object,
    read_refusal,
    read_reply,
    refusal_of,
)

DEEP = b"[" * 100_000

# Replies

MESSAGE = {"message": {"content": "Hello"}}


@pytest.mark.parametrize(
    "body", [b'{"a": 1}', b' {"a": 1}\n', b'\xef\xbb\xbf{"a": 1}', '{"a": 1}'.encode("utf-16")], ids=repr
)
def test_an_object_is_read(body: bytes) -> None:
    assert read_object(body) == {"a": 1}


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"{} {}", b'{"a": "\xff"}', b"[DONE]", DEEP], ids=excerpt)
def test_a_body_that_is_no_json_is_broken(body: bytes) -> None:
    with pytest.raises(BrokenReply, match="The endpoint's reply is not JSON: ") as caught:
        read_object(body)
    assert caught.value.message.endswith(f"{excerpt(body)}.")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"a"', b"1", b"true", b"NaN"])
def test_json_that_is_no_object_is_broken(body: bytes) -> None:
    with pytest.raises(BrokenReply, match="The endpoint's stream is not a JSON object: ") as caught:
        read_object(body, what="stream")
    assert caught.value.message.endswith(f"{excerpt(body)}.")


@pytest.mark.parametrize(
    "reply",
    [
        {"choices": [MESSAGE]},
        {"choices": [MESSAGE, MESSAGE], "error": None},
        {"choices": [{"message": {}}], "error": {}},
    ],
)
def test_a_reply_with_a_message_in_each_choice_is_read(reply: dict[str, Any]) -> None:
    assert read_reply(json.dumps(reply).encode()) == reply


@pytest.mark.parametrize("reply", [{}, *({"choices": choices} for choices in (None, [], {}, "a", 1, {"0": MESSAGE}))])
def test_a_reply_without_choices_is_broken(reply: dict[str, Any]) -> None:
    with pytest.raises(BrokenReply, match=r"has no choices: '\{"):
        read_reply(json.dumps(reply).encode())


@pytest.mark.parametrize("choice", [None, 1, "a", [], {}, {"message": None}, {"message": "a"}, {"delta": {}}])
def test_a_choice_without_a_message_is_broken(choice: object) -> None:
    with pytest.raises(BrokenReply, match=r"A choice in the endpoint's reply has no message: '\{"):
        read_reply(json.dumps({"choices": [MESSAGE, choice]}).encode())


def test_an_error_under_status_200_is_broken_even_beside_choices() -> None:
    body = json.dumps({"error": {"message": "out of memory"}, "choices": [MESSAGE]}).encode()
    with pytest.raises(BrokenReply, match="answered 200 with an error: out of memory"):
        read_reply(body)


# Refusals

OPENAI = {"message": "Too long.", "type": "invalid_request_error", "param": "messages", "code": "too_long"}
REFUSALS: dict[str, tuple[dict[str, Any], Refusal]] = {
    "OpenAI's": (
        {"error": OPENAI},
        Refusal("Too long.", "too_long", "invalid_request_error", "messages", body=OPENAI),
    ),
    "an error that is text": ({"error": "no"}, Refusal("no", body={"error": "no"})),
    "an error that is a list": ({"error": ["a", 1]}, Refusal('["a", 1]', body={"error": ["a", 1]})),
    "a detail": ({"detail": "Not Found"}, Refusal("Not Found", body={"detail": "Not Found"})),
    "a list of details": ({"detail": [{"loc": "a"}]}, Refusal('[{"loc": "a"}]', body={"detail": [{"loc": "a"}]})),
    "a detail with a message": ({"detail": {"message": "no"}}, Refusal("no", body={"message": "no"})),
    "the error before the detail": ({"detail": "b", "error": "a"}, Refusal("a", body={"detail": "b", "error": "a"})),
    "a message": ({"message": "no"}, Refusal("no", body={"message": "no"})),
    "a message that is no text": ({"message": 7}, Refusal("7", body={"message": 7})),
    "an error without a message": ({"error": {"a": 1}}, Refusal('{"a": 1}', body={"a": 1})),
    "nothing": ({}, Refusal("", body={})),
    "nothing that is known": ({"a": 1}, Refusal("", body={"a": 1})),
    "an error of nothing": ({"error": None, "message": "no"}, Refusal("no", body={"error": None, "message": "no"})),
}


@pytest.mark.parametrize(("body", "refusal"), REFUSALS.values(), ids=REFUSALS)
def test_an_error_object_is_read_in_whatever_shape_it_came(body: dict[str, Any], refusal: Refusal) -> None:
    assert refusal_of(body) == refusal


@pytest.mark.parametrize(("body", "refusal"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_says_the_same_or_else_shows_its_body(body: dict[str, Any], refusal: Refusal) -> None:
    written = json.dumps(body)
    assert read_refusal(400, written.encode()) == (refusal if refusal.message else Refusal(written))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"code": 429}, 429),
        ({"code": "503"}, 503),
        ({"status": 400}, 400),
        ({"status": "599"}, 599),
        ({"code": "rate_limited", "status": 429}, 429),
        ({"code": 500, "status": 429}, 500),
        ({}, None),
        ({"code": 200}, None),
        ({"code": 399}, None),
        ({"code": 600}, None),
        ({"code": "0429"}, None),
        ({"code": "-429"}, None),
        ({"code": "4e2"}, None),
        ({"code": 429.0}, None),
        ({"code": True}, None),
        ({"code": [429]}, None),
    ],
)
def test_a_status_is_read_from_the_code_or_the_status(fields: dict[str, Any], status: int | None) -> None:
    assert refusal_of({"error": {"message": "no", **fields}}).status == status


@pytest.mark.parametrize("code", [429, "429"])
def test_a_code_that_is_a_number_is_kept_as_text(code: object) -> None:
    assert refusal_of({"error": {"message": "no", "code": code}}).code == "429"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"Bad gateway\n", "Bad gateway"),
        (b"caf\xe9", "caf\ufffd"),
        (b"[1]", "[1]"),
        (b'{"error": ', '{"error":'),
        (b"", "The endpoint answered with status 502 and no body."),
        (b" \n", "The endpoint answered with status 502 and no body."),
    ],
)
def test_a_refusal_that_is_no_error_object_is_its_text(body: bytes, message: str) -> None:
    assert read_refusal(502, body) == Refusal(message)


CUT = "x" * MAX_ERROR_CHARS + "… (1,000 characters left out)"
LONG = "x" * (MAX_ERROR_CHARS + 1_000)


@pytest.mark.parametrize(
    "body", [LONG, *(json.dumps(body) for body in ({"error": LONG}, {"error": {"message": LONG}}))]
)
def test_a_long_message_is_cut_and_says_so(body: str) -> None:
    assert read_refusal(500, body.encode()).message == CUT


def test_a_message_of_exactly_the_limit_is_whole() -> None:
    assert read_refusal(500, b"x" * MAX_ERROR_CHARS).message == "x" * MAX_ERROR_CHARS


def test_a_refusal_nested_beyond_reading_is_its_text() -> None:
    assert read_refusal(500, DEEP).message.startswith("[[[")


def test_an_error_body_reads_back() -> None:
    body = error_body("Too long.", type="invalid_request_error", code="too_long", param="messages")
    assert refusal_of(body) == REFUSALS["OpenAI's"][1]


def test_an_error_body_has_null_where_nothing_is_known() -> None:
    fields = {"message": "no", "type": "server_error", "param": None, "code": None}
    assert error_body("no", type="server_error") == {"error": fields}


# Excerpts


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", "it is empty"),
        (b" \r\n\t", "it is empty"),
        (b" <html>\n", "'<html>'"),
        (b"a\nb", "'a\\nb'"),
        (b"\xff", "'\ufffd'"),
        (b"x" * 201, f"'{'x' * 200}'"),
        (("\U0001f600" * 201).encode(), f"'{chr(0x1F600) * 200}'"),
    ],
)
def test_an_excerpt_shows_how_a_body_begins(body: bytes, shown: str) -> None:
    assert excerpt(body) == shown
