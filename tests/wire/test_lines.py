"""Lines of a stream, however it is cut, and however long they are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from litellm_codex_agent.wire.lines import KEPT_BYTES, Line, Lines

from .pieces import cut


def lines(pieces: list[bytes], limit: int = 8) -> list[Line]:
    reader = Lines(limit)
    return [line for piece in pieces for line in reader.feed(piece)] + reader.close()


def test_a_line_ends_by_lf_and_by_nothing_else() -> None:
    assert lines([b"a\rb\r\n\n\xe2\x80\xa8c\n"]) == [Line(b"a\rb\r"), Line(b""), Line(b"\xe2\x80\xa8c")]


def test_a_last_line_without_its_end_is_told() -> None:
    assert lines([b"a\nb"]) == [Line(b"a"), Line(b"b")]
    assert lines([b"a\n"]) == [Line(b"a")]


def test_a_line_at_the_limit_is_whole_and_one_beyond_it_is_cut() -> None:
    assert lines([b"12345678\n"]) == [Line(b"12345678")]
    assert lines([b"123456789\nnext\n"]) == [Line(b"123456789\n123456789", cut=True), Line(b"next")]


@pytest.mark.parametrize("size", [1, 7, 100, 600, 5000])
def test_of_a_line_too_long_the_ends_are_kept(size: int) -> None:
    text = b"".join(b"%d," % number for number in range(1000))
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    (line,) = lines([*pieces, b"\n"], 1000)
    assert line == Line(text[:KEPT_BYTES] + b"\n" + text[-KEPT_BYTES:], cut=True)


@settings(max_examples=200, deadline=None)
@given(some.lists(some.binary(max_size=12), max_size=6), some.data())
def test_cuts_change_nothing(parts: list[bytes], data: some.DataObject) -> None:
    whole = b"\n".join(parts)
    places = data.draw(some.lists(some.integers(0, len(whole)), max_size=6))
    assert lines(cut(whole, places)) == lines([whole])
