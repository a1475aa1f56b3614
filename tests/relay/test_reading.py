"""A reply is read along the same however its bytes were cut, and never stops them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.backends.events import Failure, Usage
from litellm_codex_agent.relay.dialects import DIALECTS, Told
from litellm_codex_agent.relay.reading import MAX_ERROR_BYTES, MAX_REPLY_BYTES, reader
from litellm_codex_agent.wire.sse import MAX_EVENT_BYTES

from ..responses_endpoint import USAGE, usage
from ..wire.pieces import cut

EVENTS = {"content-type": "text/event-stream; charset=utf-8"}
USED = Usage(1000, 50, None, 100, 20)


def read(*pieces: bytes, route: str = "/v1/responses", status: int = 200, headers: Any = EVENTS) -> Told:
    reading = reader(status, headers, DIALECTS[route], 0.0)
    for piece in pieces:
        reading.feed(piece)
    return reading.close()


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def completed(counts: Any = USAGE) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"status": "completed", "usage": counts}}


CHAT = b"".join(
    [
        event({"choices": [{"delta": {"content": "\u00fc\u2028"}}]}),
        event({"choices": [{"finish_reason": "stop"}]}),
        event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}),
        b"data: [DONE]\n\n",
    ]
)
STREAMS = {
    "/v1/responses": (b": life\n\n" + event({"type": "response.created"}) + event(completed()), USED),
    "/v1/chat/completions": (CHAT, Usage(3, 4)),
    "/v1/messages": (
        event({"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}})
        + event({"type": "message_delta", "usage": {"output_tokens": 9}})
        + event({"type": "message_stop"}),
        Usage(3, 9),
    ),
}


@pytest.mark.parametrize("route", STREAMS)
@given(data=st.data())
def test_usage_is_read_the_same_wherever_the_stream_is_cut(route: str, data: st.DataObject) -> None:
    stream, used = STREAMS[route]
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    assert read(*cut(stream, places), route=route) == Told(used, whole=True, ended=True)


@given(counts=st.tuples(*[st.integers(0, 10**9)] * 4), place=st.integers(0, 10**6))
def test_any_usage_is_read_from_a_whole_reply_in_two_pieces(counts: tuple[int, ...], place: int) -> None:
    asked, answered, cached, reasoning = counts
    body = json.dumps({"usage": usage(asked, answered, cached=cached, reasoning=reasoning)}).encode()
    told = read(*cut(body, [place % len(body)]), headers={})
    assert told.usage == Usage(asked, answered, None, cached, reasoning)


@given(noise=st.binary(max_size=200), status=st.sampled_from([200, 400, 503]), live=st.booleans())
def test_no_bytes_stop_the_reading(noise: bytes, status: int, live: bool) -> None:
    told = read(noise, status=status, headers=EVENTS if live else {})
    assert told.ended and (told.failure is None or told.failure.status in (status, 502))


def test_a_streams_end_is_told_as_soon_as_its_last_event_is_there() -> None:
    reading = reader(200, EVENTS, DIALECTS["/v1/responses"], 0.0)
    last = event(completed())
    assert [reading.feed(piece).ended for piece in (last[:-1], last[-1:])] == [False, True]


def test_a_stream_without_its_end_has_failed() -> None:
    cut_off = Failure(502, "The model's endpoint ended its stream before the answer was whole.", "stream_cut")
    assert read(event({"type": "response.created"})).failure == cut_off
    assert read(event({"choices": []}), b"data: [DONE]\n\n", route="/v1/chat/completions").failure == cut_off


def test_a_chat_that_forgets_its_last_line_has_not_failed() -> None:
    assert read(event({"choices": [{"finish_reason": "stop"}]}), route="/v1/chat/completions").failure is None


def test_an_event_without_its_blank_line_is_still_read() -> None:
    assert read(event(completed()).rstrip()).usage == USED


def test_an_event_beyond_the_bound_ends_the_reading_and_nothing_else() -> None:
    assert read(b"data: " + b"x" * MAX_EVENT_BYTES, event(completed())) == Told(whole=True, ended=True)


def test_a_cost_in_the_head_wins_in_a_whole_reply_and_stands_alone_where_no_usage_is() -> None:
    head = {"x-litellm-response-cost": "0.5"}
    assert read(json.dumps({"usage": USAGE}).encode(), headers=head).usage == Usage(1000, 50, 0.5, 100, 20)
    assert read(b"{}", headers=head).usage == Usage(cost_usd=0.5)


def test_a_reply_that_cannot_be_read_tells_nothing() -> None:
    for body in (b"", b"[1]", b"\xff", b"[" * 100_000):
        assert read(body, headers={}) == Told(whole=True, ended=True)


def test_the_bounds_are_as_documented() -> None:
    assert (MAX_REPLY_BYTES, MAX_ERROR_BYTES) == (33_554_432, 65_536)


@pytest.mark.parametrize(
    ("status", "headers", "live"),
    [(200, EVENTS, True), (200, {}, False), (200, {"content-type": "application/json"}, False), (400, EVENTS, False)],
)
def test_only_the_bytes_of_a_stream_are_for_passing_on_at_once(status: int, headers: Any, live: bool) -> None:
    reading = reader(status, headers, DIALECTS["/v1/responses"], 0.0)
    assert (reading.live, reading.feed(b"")) == (live, Told())
    assert reading.close().whole or live


def test_a_chat_ends_with_its_last_line() -> None:
    reading = reader(200, EVENTS, DIALECTS["/v1/chat/completions"], 0.0)
    assert [reading.feed(piece).ended for piece in (b"data: {}\n\n", b"data: [DONE] \n\n")] == [False, True]


def test_a_reply_beyond_the_bound_tells_nothing() -> None:
    body = json.dumps({"usage": USAGE}).encode()
    assert read(body, b" " * (MAX_REPLY_BYTES - len(body)), headers={}).usage == USED
    assert read(body, b" " * (MAX_REPLY_BYTES - len(body)), b" ", headers={}).usage is None


def test_an_error_says_what_its_body_says_however_it_is_typed() -> None:
    body = json.dumps({"error": {"message": "No.", "code": "bad_thing"}}).encode()
    assert read(body[:5], body[5:], status=400).failure == Failure(400, "No.", "bad_thing")
    assert read(b"<html>", status=503, headers={}).failure == Failure(503, "<html>")


def test_of_a_large_error_the_beginning_is_kept() -> None:
    body = b'{"error": {"message": "' + b"x" * MAX_ERROR_BYTES
    failure = read(body, b'"}}', status=500).failure
    assert failure is not None and failure.message.startswith('{"error"') and len(failure.message) < 10_000


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:09 GMT"}, 9.0),
        ({"llm_provider-retry-after": "7"}, 7.0),
        ({"retry-after": "1", "llm_provider-retry-after": "7"}, 1.0),
        ({"retry-after": "999999999"}, 86_400.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_an_error_tells_how_long_to_wait(headers: dict[str, str], wait: float | None) -> None:
    failure = read(b"{}", status=429, headers=headers).failure
    assert failure is not None and failure.retry_after == wait
