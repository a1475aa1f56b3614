"""The same call with the same result three times is a circle; anything new between begins the count anew."""

from __future__ import annotations

from litellm_codex_agent.agent.repeats import MOST, Repeats

A, B, C = (("look", "{}", result) for result in "abc")


def seen(*turns: tuple[tuple[str, str, str], ...]) -> list[bool]:
    repeats = Repeats()
    return [repeats.see(turn) for turn in turns]


def test_three_times_the_same_is_a_circle() -> None:
    assert MOST == 3
    assert seen((A,), (A,), (A,)) == [False, False, True]


def test_another_result_is_another_call() -> None:
    assert seen((A,), (B,), (C,), (A,), (A,)) == [False] * 5


def test_what_is_new_begins_the_count_anew() -> None:
    assert seen((A,), (A,), (B,), (A,), (A,), (A,)) == [False] * 5 + [True]


def test_two_calls_in_turns_are_a_circle_too() -> None:
    assert seen((A,), (B,), (A,), (B,), (A,)) == [False, False, False, False, False]
    assert seen((A,), (B,), (A,), (B,), (A,), (B,)).index(True) == 5


def test_the_same_call_thrice_in_one_turn_is_one() -> None:
    assert seen((A, A, A), (A,)) == [False, False]


def test_a_turn_without_calls_is_no_circle() -> None:
    assert seen((), (), ()) == [False] * 3
