"""Room in a conversation: what goes first, what never goes, and what is told in its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.agent.context import estimate, room, trimmed
from litellm_codex_agent.agent.failures import CONTEXT_WINDOW
from litellm_codex_agent.errors import Refused

TASK = [{"role": "system", "content": "You work."}, {"role": "user", "content": "Do it."}]
GONE = "[9,000 bytes of output were left out here.]"


def turn(number: int, *outputs: str) -> list[dict[str, Any]]:
    ids = [f"{number}.{place}" for place in range(len(outputs))]
    calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id in ids]
    results = [{"role": "tool", "tool_call_id": id, "content": text} for id, text in zip(ids, outputs, strict=True)]
    return [{"role": "assistant", "content": None, "tool_calls": calls}, *results]


def length(message: Any) -> int:
    """A token a letter, so that a test can count."""
    return len(json.dumps(message))


def contents(messages: list[Any]) -> list[Any]:
    return [message.get("content") for message in messages if message["role"] == "tool"]


def total(messages: list[Any]) -> int:
    return sum(map(length, messages))


LONG = "x" * 9000
WORK = [*TASK, *turn(1, LONG), *turn(2, "short", LONG), *turn(3, LONG)]


def test_what_fits_stays_as_it_is() -> None:
    assert trimmed(WORK, 2, total(WORK), count=length) == WORK


def test_the_oldest_output_goes_first_and_the_note_says_how_much_it_was() -> None:
    left = trimmed(WORK, 2, 26_800, count=length)
    assert contents(left) == [GONE, "short", LONG, LONG]
    assert total(left) <= 26_800


def test_more_goes_than_has_to_so_that_the_beginning_stays_for_some_calls() -> None:
    left = trimmed(WORK, 2, total(WORK) - 1, count=length)
    assert total(left) <= total(WORK) * 3 / 4
    assert trimmed([*left, *turn(4, "more")], 2, total(WORK) - 1, count=length)[: len(left)] == left


def test_the_last_turn_keeps_its_output_while_it_can() -> None:
    assert contents(trimmed(WORK, 2, 10_500, count=length)) == [GONE, "short", GONE, LONG]


def test_then_whole_old_turns_go_and_one_note_counts_them() -> None:
    left = trimmed(WORK, 2, 9_500, count=length)
    note = {"role": "user", "content": "[2 earlier steps of this work were left out here.]"}
    assert left == [*TASK, note, *turn(3, LONG)]
    assert trimmed([*left, *turn(4, LONG)], 2, 9_500, count=length)[2]["content"].startswith("[3 earlier steps")


def test_a_single_turn_that_is_left_out_is_one_step() -> None:
    left = trimmed([*TASK, *turn(1, "a"), *turn(2, LONG)], 2, 9_350, count=length)
    assert left[2]["content"] == "[1 earlier step of this work was left out here.]"


def test_at_last_the_output_of_the_last_turn_is_cut_to_its_ends() -> None:
    (text,) = contents(trimmed([*TASK, *turn(1, "a" * 9000 + "z" * 9000)], 2, 5_000, count=length))
    assert text == "a" * 2048 + "\n[... 13,904 bytes left out ...]\n" + "z" * 2048
    assert contents(trimmed([*TASK, *turn(1, LONG)], 2, 400, count=length)) == [GONE]


@pytest.mark.parametrize("messages", [TASK, [*TASK, *turn(1, "a")]])
def test_what_cannot_be_trimmed_is_the_error_of_an_endpoint(messages: list[Any]) -> None:
    with pytest.raises(Refused, match=r"^The task takes about \d+ tokens, and the model's window has 40 left") as error:
        trimmed(messages, 2, 40, count=length)
    assert (error.value.status, error.value.refusal.code) == (400, CONTEXT_WINDOW)


def test_the_output_in_a_callers_own_messages_is_part_of_the_task() -> None:
    asked = [*turn(0, LONG), {"role": "user", "content": "Go on."}]
    left = trimmed([*asked, *turn(1, LONG), *turn(2, "a")], len(asked), 10_000, count=length)
    assert left[: len(asked)] == asked and contents(left) == [LONG, GONE, "a"]


def test_output_in_parts_is_left_out_too() -> None:
    first = turn(1, "")
    first[1]["content"] = [{"type": "text", "text": LONG}]
    left = trimmed([*TASK, *first, *turn(2, "a")], 2, 9_000, count=length)
    assert contents(left) == ["[9,030 bytes of output were left out here.]", "a"]


def test_nothing_that_is_given_is_changed() -> None:
    before = json.dumps(WORK)
    trimmed(WORK, 2, 9_500, count=length)
    assert json.dumps(WORK) == before


OUTPUT = st.sampled_from(["", "short", LONG, "é" * 3000])
TURNS = st.lists(st.lists(OUTPUT, max_size=3), max_size=6)


@given(TURNS, st.integers(150, 40_000))
def test_the_task_stays_each_call_has_its_result_and_the_whole_fits(outputs: list[list[str]], most: int) -> None:
    messages = [*TASK, *(message for number, texts in enumerate(outputs) for message in turn(number, *texts))]
    try:
        left = trimmed(messages, 2, most, count=length)
    except Refused:
        assert total([*TASK, *(turn(9, *[GONE] * len(outputs[-1])) if outputs else ())]) + 100 > most
        return
    assert left[:2] == TASK and total(left) <= most
    asked = [call["id"] for message in left for call in message.get("tool_calls", ())]
    assert asked == [message["tool_call_id"] for message in left if message["role"] == "tool"]
    last = outputs[-1] if outputs else []
    assert asked[len(asked) - len(last) :] == [f"{len(outputs) - 1}.{place}" for place in range(len(last))]
    assert trimmed(left, 2, most, count=length) == left


WORDS = [("The quick brown fox jumps over the lazy dog.", 10), ("def f(x): return x[1:]", 9), ("你好世界", 4)]


@pytest.mark.parametrize(("text", "least"), WORDS)
def test_an_estimate_is_rather_too_high(text: str, least: int) -> None:
    assert least <= estimate({"role": "user", "content": text}) < 12 * least


def test_a_call_counts_and_an_image_is_not_counted_by_its_bytes() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    told = estimate({"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]})
    assert 2000 < told < 2100
    assert estimate(turn(1, "a")[0]) > 30


def test_the_tools_and_the_answer_take_of_the_window() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "x" * 300}}
    assert room(100_000) == 95_904
    assert room(8000) == 6000
    assert room(100_000, [tool, tool]) == 95_904 - 2 * estimate(tool) < 95_704
