"""A stream is told whole or it is an error, and where a network cut it makes no difference."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_codex_agent.errors import Refused
from litellm_codex_agent.wire.stream import ChunkReader

from ..answers import chunk, chunks, error
from ..endpoint import DONE, event
from .pieces import cut, every_split, one_by_one
from .reading import HEAD, HELLO, USAGE_CHUNK, broken, outcome, read

# The end


def test_done_is_known_once_it_is_read() -> None:
    reader = ChunkReader()
    assert [(list(reader.feed(part)), reader.done) for part in (event(HELLO[0]), DONE)] == [
        ([HELLO[0]], False),
        ([], True),
    ]


@pytest.mark.parametrize("pieces", [[DONE + event(HELLO[1])], [DONE, event(HELLO[1])], [DONE, b"data: {oops"]])
def test_nothing_after_done_is_told(pieces: list[bytes]) -> None:
    assert read(event(HELLO[0]), *pieces) == [HELLO[0]]


@pytest.mark.parametrize("words", [[], HELLO])
def test_a_stream_cut_before_done_is_an_error(words: list[dict[str, Any]]) -> None:
    told, fault = outcome(event(HELLO[0]), *map(event, words))
    assert told == [HELLO[0], *words]
    assert str(fault) == "The stream was cut: it ended without a finish reason and without [DONE]."


def test_a_stream_cut_inside_an_event_is_an_error() -> None:
    assert "The endpoint's stream is not JSON: '{\"id\"" in broken(event(HELLO[0]), event(HELLO[1])[:30])


@pytest.mark.parametrize("parts", [[DONE], [event({**HEAD, "choices": []}), DONE], [event(USAGE_CHUNK), DONE]])
def test_a_stream_without_a_single_choice_is_an_error(parts: list[bytes]) -> None:
    assert broken(*parts) == "The stream ended without a single choice."


NO_STREAMS = {
    "nothing": (b"", "it is empty"),
    "a page": (b"<html>\n\n<body>Bad gateway</body></html>", "'<html>\\n\\n<body>Bad gateway</body></html>'"),
    "a whole reply": (b'{"id": "chatcmpl-1"}', '\'{"id": "chatcmpl-1"}\''),
    "heartbeats alone": (b": life\n\n" * 3, "': life\\n\\n: life\\n\\n: life'"),
    "a long page": (b"<html>" * 1_000, f"'{('<html>' * 100)[:200]}'"),
}


@pytest.mark.parametrize(("body", "shown"), NO_STREAMS.values(), ids=NO_STREAMS)
def test_a_reply_without_events_shows_how_it_begins(body: bytes, shown: str) -> None:
    assert broken(body) == f"The endpoint's reply is not a stream of events: {shown}."


def test_a_reply_without_events_is_shown_from_all_its_pieces() -> None:
    assert "'<html></html>'" in broken(*one_by_one(b"<html></html>"))


# Faults inside


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{oops", "The endpoint's stream is not JSON: '{oops'."),
        (b"", "The endpoint's stream is not JSON: it is empty."),
        (b"[]", "The endpoint's stream is not a JSON object: '[]'."),
        (b'{"choices": {"0": {}}}', "A chunk of the stream has choices that are no list of objects."),
        (b'{"choices": 1}', "A chunk of the stream has choices that are no list of objects."),
        (b'{"choices": ["a"]}', "A chunk of the stream has choices that are no list of objects."),
        (b'{"choices": [{}, null]}', "A chunk of the stream has choices that are no list of objects."),
        (b'{"choices": [{"delta": "a"}]}', "A choice of the stream has a delta that is not an object."),
        (b'{"choices": [{"delta": []}]}', "A choice of the stream has a delta that is not an object."),
        (
            b'{"choices": [{"message": {"content": "a"}}]}',
            "A choice of the stream has a message in place of its delta.",
        ),
    ],
)
def test_an_event_that_is_no_chunk_is_broken(data: bytes, said: str) -> None:
    assert broken(event(HELLO[0]), event(data), DONE) == said


@pytest.mark.parametrize("fault", [event(b"{oops"), event(error("late"))])
def test_what_stands_before_a_fault_is_told(fault: bytes) -> None:
    told, raised = outcome(event(HELLO[0]) + fault + event(HELLO[1]))
    assert (told, raised is None) == ([HELLO[0]], False)


ERRORS = {
    "OpenAI's": (event(error("late", code="overloaded")), "late", 500),
    "a code that is a status": (event(error("late", code=429)), "late", 429),
    "a status": (event({"error": {"message": "late", "status": 503}}), "late", 503),
    "text": (event({"error": "late"}), "late", 500),
    "beside choices": (event({**HELLO[0], **error("late")}), "late", 500),
    "by its name": (b"event: error\n" + event({"message": "late", "code": 429}), "late", 429),
    "by its name alone": (b"event: error\n" + event({}), "The endpoint sent an error event: '{}'.", 500),
    "without a message": (
        b"event: error\n" + event({"code": 429}),
        "The endpoint sent an error event: '{\"code\": 429}'.",
        429,
    ),
}


@pytest.mark.parametrize(("data", "message", "status"), ERRORS.values(), ids=ERRORS)
def test_an_error_event_is_a_refusal_with_its_status(data: bytes, message: str, status: int) -> None:
    fault = outcome(event(HELLO[0]), data)[1]
    assert isinstance(fault, Refused)
    assert (fault.message, fault.refusal.message, fault.status) == (message, message, status)


@pytest.mark.parametrize("nothing", [None, {}, ""])
def test_an_error_of_nothing_is_none(nothing: object) -> None:
    told = read(event({**HELLO[0], "error": nothing}), DONE)
    assert [part["choices"] for part in told] == [HELLO[0]["choices"]]


# Cuts

WORDS = chunks({"content": "a\u2028b\u0085c"}, {"content": "\U0001f600"})
BODY = b": life\n\n" + b"".join(WORDS).replace(b"\\u2028", "\u2028".encode())
BODIES = {
    "whole": BODY,
    "by CRLF": BODY.replace(b"\n", b"\r\n"),
    "by CR": BODY.replace(b"\n", b"\r"),
    "with a BOM": b"\xef\xbb\xbf" + BODY,
    "without the last blank line": BODY.rstrip(),
    "with more after done": BODY + event(HELLO[0]) + b"data: {oops",
    "with bad JSON": event(HELLO[0]) + event(b"{oops") + DONE,
    "with an error": event(HELLO[0]) + event(error("late")) + DONE,
    "without an end": event(HELLO[0]) + event(HELLO[1]),
    "no stream": b"<html>\r\n\r\n</html>",
}


def facts(*pieces: bytes) -> tuple[list[dict[str, Any]], str]:
    told, fault = outcome(*pieces)
    return told, repr(fault)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_stream_split_at_every_byte_is_told_the_same(body: bytes) -> None:
    whole = facts(body)
    for pieces in every_split(body):
        assert facts(*pieces) == whole, pieces


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_stream_byte_by_byte_is_told_the_same(body: bytes) -> None:
    assert facts(*one_by_one(body)) == facts(body)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(list(BODIES.values())), st.lists(st.integers(0, 1_000), max_size=20))
def test_a_stream_in_any_pieces_is_told_the_same(body: bytes, places: list[int]) -> None:
    assert facts(*cut(body, places)) == facts(body)


@pytest.mark.parametrize("end", ["whole", "by CRLF", "by CR"])
def test_line_ends_make_no_difference(end: str) -> None:
    assert read(BODIES[end]) == read(BODY)


def test_a_stream_that_ends_early_is_never_half_an_answer() -> None:
    whole = read(BODY)
    for length in range(len(BODY)):
        told, fault = outcome(BODY[:length])
        assert fault is not None or told in (whole, [*whole[:-2], whole[-1]]), BODY[:length]


# What is read is not kept


def test_heartbeats_leave_nothing_behind() -> None:
    reader = ChunkReader()
    list(reader.feed(b": life\n\n" * 100))
    tracemalloc.start()
    for _ in range(10_000):
        list(reader.feed(b": life\n\n"))
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert left < 4096


def test_what_was_told_stays_as_it_was_told() -> None:
    reader = ChunkReader()
    told = list(reader.feed(event(chunk({"content": "Hello"}, finish="stop"))))
    before = json.dumps(told)
    list(reader.finish())
    assert json.dumps(told) == before
