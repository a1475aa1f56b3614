"""Reading events is bounded in memory and linear in the bytes, whatever an endpoint sends."""

from __future__ import annotations

import tracemalloc

import pytest

from litellm_codex_agent.errors import BrokenReply
from litellm_codex_agent.wire.sse import Decoder, Event

from .pieces import one_by_one
from .reading import decode

KILOBYTE = 1024
MEGABYTE = 1024 * KILOBYTE

LIMIT = 64
TOO_LARGE = {
    "one line of data": b"data: " + b"x" * LIMIT + b"\n\n",
    "many lines of data": b"data: x\n" * LIMIT + b"\n",
    "many lines without text": b"data\n" * LIMIT + b"\n",
    "a line without an end": b"data: " + b"x" * LIMIT,
    "a comment without an end": b":" + b"x" * LIMIT,
    "a comment": b":" + b"x" * LIMIT + b"\n\n",
    "a name": b"event: " + b"x" * LIMIT + b"\ndata: a\n\n",
    "a field nobody knows": b"x" * LIMIT + b"\n",
    "the event after a small one": b"data: a\n\n" + b"data: " + b"x" * LIMIT,
}


@pytest.mark.parametrize("data", TOO_LARGE.values(), ids=TOO_LARGE)
def test_more_than_the_limit_is_a_broken_reply(data: bytes) -> None:
    with pytest.raises(BrokenReply, match="larger than 64 bytes"):
        decode(data, limit=LIMIT)


@pytest.mark.parametrize("data", TOO_LARGE.values(), ids=TOO_LARGE)
def test_the_limit_is_the_same_for_bytes_one_by_one(data: bytes) -> None:
    with pytest.raises(BrokenReply, match="larger than 64 bytes"):
        decode(*one_by_one(data), limit=LIMIT)


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n", b": life\n\n"])
@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_an_event_of_exactly_the_limit_passes(start: bytes, end: bytes) -> None:
    data = b"x" * (LIMIT - len(b"data: ") - 2)
    assert decode(*one_by_one(start + b"data: " + data + end + end), limit=LIMIT) == [Event(data)]


def test_an_event_of_one_byte_more_than_the_limit_does_not_pass() -> None:
    data = b"x" * (LIMIT - len(b"data: ") - 1)
    with pytest.raises(BrokenReply):
        decode(b"data: " + data + b"\n\n", limit=LIMIT)


def test_the_limit_stands_at_sixteen_megabytes_where_none_is_given() -> None:
    decoder = Decoder()
    decoder.feed(b"x" * 16 * MEGABYTE)
    with pytest.raises(BrokenReply, match="larger than 16,777,216 bytes"):
        decoder.feed(b"x")


def test_a_line_without_an_end_is_refused_before_its_end() -> None:
    decoder = Decoder(LIMIT)
    decoder.feed(b"x" * LIMIT)
    with pytest.raises(BrokenReply):
        decoder.feed(b"x")


NOISE = {
    "comments": b": life\n",
    "comments with blank lines": b": life\n\n",
    "comments by CRLF": b": life\r\n",
    "blank lines": b"\n",
    "names": b"event: a\n",
    "ids": b"id: a\n",
    "unknown fields": b"foo: bar\n",
    "small events": b"data: x\n\n",
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_noise_without_an_end_does_not_count(noise: bytes) -> None:
    decoder = Decoder(LIMIT)
    for _ in range(1000):
        decoder.feed(noise * 3)
    assert decoder.feed(b"\ndata: a\n\n")[-1].data == b"a"


@pytest.mark.parametrize("noise", [b": life\n", b"event: a\n", b"id: a\n", b"foo\n", b""])
def test_noise_inside_an_event_does_not_count(noise: bytes) -> None:
    decoder = Decoder(LIMIT)
    decoder.feed(b"data: a\n")
    for _ in range(1000):
        decoder.feed(noise)
    assert [event.data for event in decoder.feed(b"data: b\n\n")] == [b"a\nb"]


@pytest.mark.parametrize("noise", [b": life\n", b"event: a\n", b"id: a\n", b"foo\n", b""])
def test_noise_inside_an_event_does_not_raise_the_limit(noise: bytes) -> None:
    decoder = Decoder(LIMIT)
    decoder.feed(b"data: a\n" + noise * 1000)
    with pytest.raises(BrokenReply):
        decoder.feed(b"data: " + b"x" * (LIMIT - 13))


@pytest.mark.parametrize("noise", [*NOISE.values(), b""], ids=[*NOISE, "empty pieces"])
def test_noise_leaves_nothing_behind(noise: bytes) -> None:
    decoder = Decoder()
    decoder.feed(b"\n" + noise)
    tracemalloc.start()
    for _ in range(10_000):
        decoder.feed(noise)
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert left < 4 * KILOBYTE


# Linear

LONG = {
    "one long line": b"x" * KILOBYTE,
    "many lines": b"data: " + b"x" * (KILOBYTE - 7) + b"\n",
}


@pytest.mark.parametrize("piece", LONG.values(), ids=LONG)
def test_a_piece_costs_its_own_bytes_and_not_those_before_it(piece: bytes) -> None:
    decoder = Decoder()
    for _ in range(4 * KILOBYTE):
        decoder.feed(piece)
    tracemalloc.start()
    decoder.feed(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * KILOBYTE  # a copy of what is held would be 4 MB


def test_an_event_of_four_megabytes_arrives_whole() -> None:
    text = b"0123456789abcdef" * 64
    pieces = [b"data: ", *[text] * 4 * KILOBYTE, b"\n\n"]
    assert decode(*pieces) == [Event(text * 4 * KILOBYTE)]
