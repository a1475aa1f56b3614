"""Text that is held until it is clear that it is the answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.backends.held import HOLD_CHARS, Held

LONG = "x" * HOLD_CHARS


def test_a_short_text_is_held_and_can_be_taken_once() -> None:
    held = Held()
    assert (held.hear("I "), held.hear("look."), held.told) == ("", "", False)
    assert (held.take(), held.take(), held.told) == ("I look.", "", False)


def test_a_text_beyond_the_bound_is_told_with_what_was_held_and_then_as_it_comes() -> None:
    held = Held()
    assert (held.hear(LONG), held.hear("y"), held.hear("z")) == ("", LONG + "y", "z")
    assert (held.told, held.text, held.hear("")) == (True, "", "")


@pytest.mark.parametrize("begin", ["{", " \n{"])
def test_what_begins_like_one_to_read_whole_is_held_however_long(begin: str) -> None:
    held = Held(read_whole=("{",))
    assert held.hear(begin + LONG + LONG) == "" and held.text == begin + LONG + LONG


def test_without_a_bound_all_is_told_and_with_none_nothing() -> None:
    assert [Held(0, read_whole=("{",)).hear("{"), Held(0).hear("")] == ["{", ""]
    assert Held(None).hear(LONG + LONG) == ""


@given(st.lists(st.text(max_size=250), max_size=8), st.sampled_from([0, 10, HOLD_CHARS, None]))
def test_nothing_is_lost_and_nothing_is_said_twice(pieces: list[str], hold: int | None) -> None:
    held = Held(hold)
    told = [held.hear(piece) for piece in pieces]
    assert "".join(told) + held.take() == "".join(pieces)
    assert held.told == any(told)
