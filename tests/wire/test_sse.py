"""Events are read the same however their bytes were cut, and written so that they read back."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_codex_agent.wire.sse import Decoder, Event, comment, encode

from .pieces import cut, every_split, one_by_one
from .reading import decode

BOM = b"\xef\xbb\xbf"


EVENTS = {
    "nothing": (b"", []),
    "one line": (b"data: a\n\n", [Event(b"a")]),
    "no space after the colon": (b"data:a\n\n", [Event(b"a")]),
    "only the first space is left out": (b"data:  a \n\n", [Event(b" a ")]),
    "a tab is no space": (b"data:\ta\n\n", [Event(b"\ta")]),
    "a colon in the value": (b"data: a: b\n\n", [Event(b"a: b")]),
    "lines join by LF": (b"data: a\ndata: b\n\n", [Event(b"a\nb")]),
    "a value that is empty": (b"data:\n\n", [Event(b"")]),
    "a field without a colon": (b"data\n\n", [Event(b"")]),
    "two values that are empty": (b"data\ndata:\n\n", [Event(b"\n")]),
    "no data is no event": (b"event: a\nid: 1\n\n", []),
    "blank lines alone": (b"\n\n\r\n\r\r", []),
    "a name": (b"event: a\ndata: x\n\n", [Event(b"x", "a")]),
    "a name after the data": (b"data: x\nevent: a\n\n", [Event(b"x", "a")]),
    "the last name counts": (b"event: a\nevent: b\ndata: x\n\n", [Event(b"x", "b")]),
    "a name without text is none": (b"event: a\nevent\ndata: x\n\n", [Event(b"x")]),
    "a name is for one event": (b"event: a\ndata: x\n\ndata: y\n\n", [Event(b"x", "a"), Event(b"y")]),
    "a name without data is forgotten": (b"event: a\n\ndata: x\n\n", [Event(b"x")]),
    "an id stays": (b"id: 1\ndata: x\n\ndata: y\n\n", [Event(b"x", id="1"), Event(b"y", id="1")]),
    "an id without data stays": (b"id: 1\n\ndata: x\n\n", [Event(b"x", id="1")]),
    "an id without text takes it back": (b"id: 1\n\nid\ndata: x\n\n", [Event(b"x")]),
    "an id with NUL is none": (b"id: 1\nid: 2\0\ndata: x\n\n", [Event(b"x", id="1")]),
    "NUL in data is text": (b"data: a\0b\n\n", [Event(b"a\0b")]),
    "a name that is not UTF-8": (b"event: \xff\ndata: x\n\n", [Event(b"x", "\ufffd")]),
    "an id that is not UTF-8": (b"id: \xff\ndata: x\n\n", [Event(b"x", id="\ufffd")]),
    "data that is not UTF-8": (b"data: \xff\n\n", [Event(b"\xff")]),
    "a comment inside": (b"data: a\n: life\n:\ndata: b\n\n", [Event(b"a\nb")]),
    "unknown fields": (b"retry: 5\nfoo: x\nfoo\ndata: a\n\n", [Event(b"a")]),
    "names of fields are exact": (b"Data: a\n data: b\ndata : c\n\n", []),
    "CR": (b"data: a\rdata: b\r\rdata: c\r\r", [Event(b"a\nb"), Event(b"c")]),
    "CRLF": (b"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", [Event(b"a\nb"), Event(b"c")]),
    "CR then CRLF": (b"data: a\r\r\ndata: b\n\n", [Event(b"a"), Event(b"b")]),
    "LF then CR": (b"data: a\n\rdata: b\n\n", [Event(b"a"), Event(b"b")]),
    "LINE SEPARATOR is text": ("data: a\u2028b\n\n".encode(), [Event("a\u2028b".encode())]),
    "NEXT LINE is text": ("data: a\u0085b\n\n".encode(), [Event("a\u0085b".encode())]),
    "form feed and its like are text": (b"data: a\x0bb\x0cc\x1cd\n\n", [Event(b"a\x0bb\x0cc\x1cd")]),
    "a BOM at the start": (BOM + b"data: a\n\n", [Event(b"a")]),
    "a BOM alone": (BOM, []),
    "a BOM before a blank line": (BOM + b"\r\ndata: a\n\n", [Event(b"a")]),
    "a second BOM is text": (BOM + BOM + b"data: a\n\n", []),
    "a BOM later is text": (b"\n" + BOM + b"data: a\ndata: b\n\n", [Event(b"b")]),
    "a BOM in data is text": (b"data: " + BOM + b"\n\n", [Event(BOM)]),
    "part of a BOM is text": (BOM[:2] + b"data: a\ndata: b\n\n", [Event(b"b")]),
    "part of a BOM and no more": (BOM[:2], []),
    "a start like a BOM": (b"\xef\xbb\xbedata: a\ndata: b\n\n", [Event(b"b")]),
    "no blank line at the end": (b"data: a\n\ndata: b\n", [Event(b"a"), Event(b"b")]),
    "no line end at the end": (b"data: a\n\ndata: b", [Event(b"a"), Event(b"b")]),
    "a CR at the end": (b"data: a\r", [Event(b"a")]),
}


@pytest.mark.parametrize(("data", "events"), EVENTS.values(), ids=EVENTS)
def test_bytes_read_as_the_standard_says(data: bytes, events: list[Event]) -> None:
    assert decode(data) == events


@pytest.mark.parametrize(("data", "events"), EVENTS.values(), ids=EVENTS)
def test_a_cut_and_an_empty_piece_change_nothing(data: bytes, events: list[Event]) -> None:
    for pieces in every_split(data, cuts=2):
        assert decode(*pieces) == events, pieces


@pytest.mark.parametrize(("data", "events"), EVENTS.values(), ids=EVENTS)
def test_bytes_one_by_one_read_the_same(data: bytes, events: list[Event]) -> None:
    assert decode(*one_by_one(data)) == events


def test_an_event_is_told_as_soon_as_its_blank_line_is_there() -> None:
    decoder = Decoder()
    assert [decoder.feed(piece) for piece in (b"data: a\n", b"\r", b"\n")] == [[], [Event(b"a")], []]


def test_closing_twice_tells_nothing_twice() -> None:
    decoder = Decoder()
    decoder.feed(b"data: a")
    assert [decoder.close(), decoder.close()] == [[Event(b"a")], []]


# A stream drawn at random, beside the events that it was made from.

VALUES = st.text(st.sampled_from("ab: \0\u2028\u0085\ufeff\x0b\u00e9\U0001f600"), max_size=6)
FIELDS = st.tuples(st.sampled_from(("data", "data", "event", "id", "", "retry")), VALUES)
BLOCKS = st.lists(st.lists(FIELDS, max_size=5), max_size=4)
CUTS = st.lists(st.integers(0, 60), max_size=12).map(lambda places: places + places[::2])


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[Event]]:
    blocks = draw(BLOCKS)
    lines = [line for block in blocks for line in (*(f"{name}: {value}" for name, value in block), "")]
    ends = draw(st.lists(st.sampled_from(("\n", "\r", "\r\n")), min_size=len(lines), max_size=len(lines)))
    for before, here in pairwise(range(len(lines))):
        if ends[before] == "\r" and not lines[here] and ends[here] == "\n":
            ends[here] = "\r\n"  # CR and LF with nothing between them would be one end, not two
    body = "".join(line + end for line, end in zip(lines, ends, strict=True)).encode()
    return BOM * draw(st.booleans()) + body, events_of(blocks)


def events_of(blocks: list[list[tuple[str, str]]]) -> list[Event]:
    events, last_id = [], ""
    for block in blocks:
        named = {field: [value for name, value in block if name == field] for field in ("data", "event", "id")}
        last_id = ["", last_id, *(value for value in named["id"] if "\0" not in value)][-1]
        if named["data"]:
            name = ["", *named["event"]][-1] or "message"
            events.append(Event("\n".join(named["data"]).encode(), name, last_id))
    return events


@settings(deadline=None, max_examples=300)
@given(streams(), CUTS)
def test_any_stream_in_any_pieces_reads_as_it_was_meant(stream: tuple[bytes, list[Event]], places: list[int]) -> None:
    data, events = stream
    assert decode(*cut(data, places)) == events


@settings(deadline=None, max_examples=60)
@given(streams())
def test_any_stream_split_at_every_byte_reads_as_it_was_meant(stream: tuple[bytes, list[Event]]) -> None:
    data, events = stream
    for pieces in every_split(data):
        assert decode(*pieces) == events, pieces


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60) | st.lists(st.sampled_from((b"\r", b"\n", b"data", b":", BOM, b"x"))).map(b"".join), CUTS)
def test_any_bytes_at_all_read_the_same_in_any_pieces(data: bytes, places: list[int]) -> None:
    assert decode(*cut(data, places)) == decode(data)


# The way back

ENCODED = {
    "text": (encode("a"), b"data: a\n\n"),
    "no text": (encode(""), b"data: \n\n"),
    "lines": (encode("a\nb\rc\r\nd\n"), b"data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"),
    "LINE SEPARATOR stays": (encode("a\u2028b\u0085c"), "data: a\u2028b\u0085c\n\n".encode()),
    "a name": (encode("a", name="error"), b"event: error\ndata: a\n\n"),
    "an id": (encode("a", id="7"), b"id: 7\ndata: a\n\n"),
    "both": (encode("a", name="n", id="7"), b"id: 7\nevent: n\ndata: a\n\n"),
    "a name with line ends": (encode("a", name="n\ndata: b\r\n"), b"event: n data: b  \ndata: a\n\n"),
    "an id with line ends": (encode("a", id="7\r\n\r\n8"), b"id: 7    8\ndata: a\n\n"),
    "an empty comment": (comment(), b": \n\n"),
    "a comment": (comment("life"), b": life\n\n"),
    "a comment with line ends": (comment("a\n\ndata: b\rc"), b": a  data: b c\n\n"),
}


@pytest.mark.parametrize(("data", "expected"), ENCODED.values(), ids=ENCODED)
def test_events_are_written_line_by_line(data: bytes, expected: bytes) -> None:
    assert data == expected


def test_a_comment_is_no_event() -> None:
    assert decode(comment(), comment("data: a"), comment("a\n\ndata: b\n\n")) == []


LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n:"))


@settings(deadline=None, max_examples=200)
@given(TEXTS, LINES, LINES, CUTS)
def test_what_is_written_reads_back(text: str, name: str, id: str, places: list[int]) -> None:
    data = comment(text) + encode(text, name=name, id=id) + comment(name)
    assert decode(*cut(data, places)) == [Event(re.sub("\r\n?", "\n", text).encode(), name or "message", id)]
