"""A streamed answer is told in the order that LiteLLM can take: words, usage, reasons."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.wire.stream import ChunkReader

from ..answers import USAGE, chunk, chunks
from ..endpoint import DONE, event
from .reading import HEAD, HELLO, USAGE_CHUNK, read


def ending(*reasons: str | None) -> dict[str, Any]:
    choices = [{"index": n, "delta": {}, "finish_reason": reason} for n, reason in enumerate(reasons)]
    return {**HEAD, "choices": choices}


STOP = event(chunk({}, finish="stop"))

# Order


def test_words_come_first_then_the_usage_then_the_reason() -> None:
    first = chunk({"role": "assistant", "content": ""})
    told = read(*chunks({"content": "Hello"}, {"content": " there"}))
    assert told == [first, *HELLO, USAGE_CHUNK, ending("stop")]


def test_words_are_told_as_soon_as_they_are_there() -> None:
    assert list(ChunkReader().feed(event(HELLO[0]))) == [HELLO[0]]


def test_reason_and_usage_wait_for_the_end() -> None:
    reader = ChunkReader()
    assert list(reader.feed(STOP + event({**chunk({}), "choices": [], "usage": USAGE}) + DONE)) == []
    assert list(reader.finish()) == [USAGE_CHUNK, ending("stop")]


def test_a_stream_without_usage_ends_by_its_reason() -> None:
    assert read(*map(event, HELLO), STOP, DONE) == [*HELLO, ending("stop")]


def test_a_stream_without_a_reason_ends_by_done() -> None:
    assert read(*map(event, HELLO), DONE) == HELLO


def test_a_stream_without_done_ends_by_its_reason() -> None:
    assert read(*map(event, HELLO), STOP) == [*HELLO, ending("stop")]


def test_the_last_blank_line_may_be_missing() -> None:
    assert read(event(HELLO[0]), STOP.rstrip()) == [HELLO[0], ending("stop")]


def test_words_beside_the_reason_are_told_before_it() -> None:
    assert read(event(chunk({"content": "Hello"}, finish="stop"))) == [HELLO[0], ending("stop")]


@pytest.mark.parametrize("delta", [{}, {"role": "assistant"}, {"content": ""}, {"content": None, "tool_calls": []}])
def test_an_empty_delta_beside_the_reason_is_left_out(delta: dict[str, Any]) -> None:
    assert read(event(HELLO[0]), event(chunk(delta, finish="stop"))) == [HELLO[0], ending("stop")]


@pytest.mark.parametrize("fields", [{"citations": ["a"]}, {"codex_agent": {"run_id": "r"}}])
def test_a_field_beside_the_reason_is_told(fields: dict[str, Any]) -> None:
    assert read(event(chunk({}, finish="stop", **fields))) == [chunk({}, **fields), ending("stop")]


def test_a_field_of_null_beside_the_reason_is_left_out() -> None:
    assert read(event(chunk({}, finish="stop", citations=None))) == [ending("stop")]


@pytest.mark.parametrize("delta", [{}, {"content": ""}, {"role": "assistant"}, {"reasoning_content": "hm"}])
def test_a_delta_without_a_reason_is_told_as_it_is(delta: dict[str, Any]) -> None:
    assert read(event(chunk(delta)), DONE) == [chunk(delta)]


def test_the_reason_counts_that_came_last() -> None:
    assert read(STOP, event(chunk({}, finish="length"))) == [ending("length")]


def test_the_usage_counts_that_came_last() -> None:
    parts = [event(chunk({"content": "Hello"}, usage={"total_tokens": 1})), event(chunk({}, usage=USAGE)), STOP]
    assert [part["usage"] for part in read(*parts) if "usage" in part] == [USAGE]


def test_usage_beside_words_is_held_back() -> None:
    assert read(event(chunk({"content": "Hello"}, usage=USAGE)), DONE) == [HELLO[0], USAGE_CHUNK]


def test_a_usage_of_null_is_none() -> None:
    assert read(event(chunk({"content": "Hello"}, usage=None)), STOP) == [HELLO[0], ending("stop")]


# More than one choice


def test_the_first_choice_ends_last_and_alone() -> None:
    parts = [event(chunk({}, index=index, finish=reason)) for index, reason in enumerate(("stop", "length", "stop"))]
    assert read(*parts, DONE) == [ending(None, "length", "stop"), ending("stop")]


def test_reasons_are_in_order_of_index_however_they_came() -> None:
    parts = [event(chunk({}, index=index, finish="stop")) for index in (2, 0, 1)]
    assert read(*parts) == [ending(None, "stop", "stop"), ending("stop")]


def test_reasons_of_one_chunk_are_all_held_back() -> None:
    whole = {**HEAD, "choices": [chunk({}, index=index, finish="stop")["choices"][0] for index in (0, 1)]}
    assert read(event(whole)) == [ending(None, "stop"), ending("stop")]


def test_words_of_one_choice_beside_the_reason_of_another_are_told() -> None:
    choices = [chunk({}, finish="stop")["choices"][0], chunk({"content": "Hello"}, index=1)["choices"][0]]
    told = read(event({**HEAD, "choices": choices}))
    assert [choice["delta"] for choice in told[0]["choices"]] == [{}, {"content": "Hello"}]


@pytest.mark.parametrize("index", [None, "1", 1.5])
def test_an_index_that_is_no_number_is_the_first(index: Any) -> None:
    assert read(event(chunk({}, index=index, finish="stop"))) == [ending("stop")]


# What stands around the choices


def test_the_end_repeats_the_head_of_the_stream() -> None:
    first = {"id": "1", "system_fingerprint": "f", "choices": [], "citations": []}
    last = read(event(first), STOP)[-1]
    assert last == {"id": "1", "system_fingerprint": "f", "choices": ending("stop")["choices"]}


def test_the_head_may_come_after_the_first_words() -> None:
    words = {"choices": HELLO[0]["choices"]}
    assert read(event(words), event(HELLO[1]), STOP) == [words, HELLO[1], ending("stop")]


@pytest.mark.parametrize("choices", [{"choices": []}, {"choices": None}, {}])
def test_a_chunk_that_only_repeats_the_head_is_left_out(choices: dict[str, Any]) -> None:
    head = {**HEAD, "system_fingerprint": "f", "service_tier": "s", "obfuscation": "o", **choices}
    assert read(event(head), event(HELLO[0]), DONE) == [HELLO[0]]


@pytest.mark.parametrize("choices", [{"choices": []}, {"choices": None}, {}])
def test_a_field_beside_no_choices_rides_on_an_empty_delta(choices: dict[str, Any]) -> None:
    rider = {**ending(None), "citations": ["a"]}
    assert read(event({**HEAD, **choices, "citations": ["a"]}), event(HELLO[0]), DONE) == [rider, HELLO[0]]


@pytest.mark.parametrize("delta", [{"delta": None}, {}])
def test_a_choice_without_a_delta_has_an_empty_one(delta: dict[str, Any]) -> None:
    told = read(event({**HEAD, "choices": [{"index": 0, "finish_reason": None, **delta}]}), DONE)
    assert told == [ending(None)]


def test_a_message_beside_the_delta_is_passed_on() -> None:
    whole = {**HEAD, "choices": [{**HELLO[0]["choices"][0], "message": {"content": "Hello"}}]}
    assert read(event(whole), DONE) == [whole]


def test_comments_and_names_of_events_change_nothing() -> None:
    assert read(b": life\n\n", b"event: chunk\nid: 1\n", event(HELLO[0]), b":\n", DONE) == [HELLO[0]]
