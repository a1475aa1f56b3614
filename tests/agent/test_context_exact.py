"""Room in a conversation, to the token: what goes is what has to, and the note counts what went."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.agent.context import estimate, trimmed
from litellm_codex_agent.errors import Refused

from .test_context import GONE, LONG, TASK, WORK, contents, length, total, turn


def tokens(message: Any) -> int:
    """A token a letter of the content alone."""
    return len(str(message.get("content") or ""))


def is_cut(left: list[Any]) -> list[bool]:
    return [text.endswith("left out here.]") for text in contents(left)]


def test_one_token_too_much_is_too_much_for_old_output() -> None:
    left = trimmed(WORK, 2, total(WORK) - 1, count=length)
    assert is_cut(left) == [True, False, False, False]
    assert len(left) == len(WORK)


def test_one_token_too_much_is_too_much_for_old_turns() -> None:
    work = [*turn(1, "a"), *turn(2, "b"), *turn(3, "x" * 8)]
    assert trimmed(work, 0, 60, count=tokens) == work
    note = {"role": "user", "content": "[2 earlier steps of this work were left out here.]"}
    assert trimmed(work, 0, 9, count=lambda message: int(message["role"] == "tool") * tokens(message)) == [
        note,
        *turn(3, "x" * 8),
    ]


def test_one_token_too_much_is_too_much_for_the_last_turn() -> None:
    work = [*TASK, *turn(1, "x" * 18_000)]
    (text,) = contents(trimmed(work, 2, total(work) - 1, count=length))
    assert text == "x" * 8192 + "\n[... 1,616 bytes left out ...]\n" + "x" * 8192


def test_one_token_too_much_is_too_much_for_the_task() -> None:
    assert trimmed(TASK, 2, total(TASK), count=length) == TASK
    with pytest.raises(Refused):
        trimmed(TASK, 2, total(TASK) - 1, count=length)


def test_the_last_bound_before_nothing_is_half_a_kilobyte_at_each_end() -> None:
    (text,) = contents(trimmed([*TASK, *turn(1, "x" * 18_000)], 2, 1500, count=length))
    assert text == "x" * 512 + "\n[... 16,976 bytes left out ...]\n" + "x" * 512


# What a message of 9,000 letters saves when its output goes.
SAVED = 9000 - len(GONE)


@pytest.mark.parametrize(("more", "cut"), [(0, [True, False, False]), (1, [True, True, False])])
def test_old_output_goes_until_enough_is_saved_and_no_further(more: int, cut: list[bool]) -> None:
    # Three quarters of 14,724 are 11,043: what is over it is just what the first output saves, or one more.
    most, whole = 14_724, 11_043 + SAVED + more
    work = [*turn(1, LONG), *turn(2, LONG), *turn(3, "x" * (whole - 18_000))]
    assert is_cut(trimmed(work, 0, most, count=tokens)) == cut


def test_output_that_saves_one_token_goes_and_one_that_saves_none_stays() -> None:
    saves = [*turn(1, "x" * 41), *turn(2, "x" * 40), *turn(3, "y" * 20)]
    assert is_cut(trimmed(saves, 0, 100, count=tokens)) == [True, False, False]
    left = trimmed([each for number in range(8) for each in turn(number, LONG)], 0, 15, count=lambda message: 1)
    assert is_cut(left) == [False] * len(contents(left))


@pytest.mark.parametrize(("most", "gone"), [(96, 3), (92, 4), (80, 4)])
def test_as_many_old_turns_go_as_have_to(most: int, gone: int) -> None:
    # Ten turns of ten tokens are 28, 31 and 40 more than three quarters of these.
    work = [message for number in range(10) for message in turn(number, "x" * 10)]
    left = trimmed(work, 0, most, count=lambda message: tokens(message) if message["role"] == "tool" else 0)
    assert len(contents(left)) == 10 - gone


def test_the_note_of_earlier_steps_stays_where_the_last_turn_is_cut() -> None:
    left = trimmed([*TASK, *turn(1, "a"), *turn(2, LONG)], 2, 1200, count=length)
    note = {"role": "user", "content": "[1 earlier step of this work was left out here.]"}
    assert left[:3] == [*TASK, note]
    assert (len(left), len(contents(left)[0]) < 1200) == (5, True)


def test_a_single_turn_that_is_cut_has_no_note() -> None:
    left = trimmed([*TASK, *turn(1, LONG)], 2, 400, count=length)
    assert [message["role"] for message in left] == ["system", "user", "assistant", "tool"]


def test_output_shorter_than_its_note_stays_in_the_last_turn_too() -> None:
    left = trimmed([*TASK, *turn(1, "short", "x" * 40, LONG)], 2, 700, count=length)
    assert contents(left) == ["short", "x" * 40, GONE]


def test_a_thousand_steps_are_counted_on() -> None:
    note = {"role": "user", "content": "[1,000 earlier steps of this work were left out here.]"}
    left = trimmed([*TASK, note, *turn(1, "a"), *turn(2, LONG)], 2, 9_350, count=length)
    assert left[2]["content"] == "[1,001 earlier steps of this work were left out here.]"


@pytest.mark.parametrize("content", ["x" * 30, "é" * 30, "你好世界", "\ud800"])
def test_an_estimate_is_a_third_of_the_bytes_and_what_stands_around(content: str) -> None:
    message = {"role": "user", "content": content}
    text = f'{{"role": "user", "content": "{content}"}}'
    assert estimate(message) == 8 + len(text.encode("utf-8", "replace")) // 3


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file"])
def test_each_part_that_is_no_text_is_two_thousand_tokens(kind: str) -> None:
    text = {"type": "text", "text": "What is it?"}
    part = {"type": kind, kind: {"data": "A" * 100_000}}
    plain = estimate({"role": "user", "content": [text]})
    assert estimate({"role": "user", "content": [text, part, part]}) == plain + 2 * 2000


def test_the_bytes_of_output_in_parts_are_counted_as_they_are_written() -> None:
    first = turn(1, "")
    first[1]["content"] = [{"type": "text", "text": "é" * 4500}]
    assert contents(trimmed([*TASK, *first, *turn(2, "a")], 2, 4_000, count=length))[0].startswith("[9,030 bytes")
    first[1]["content"] = "\ud800" * 9000
    assert contents(trimmed([*TASK, *first, *turn(2, "a")], 2, 4_000, count=length))[0] == GONE
