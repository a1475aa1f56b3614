"""Slots and the line before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from litellm_codex_agent.runs.slots import MAX_RETRY_SECONDS, Busy, Slots


def inside(check: Callable[[], None]) -> None:
    async def run() -> None:
        check()

    asyncio.run(run())


def test_the_first_work_the_next_wait_and_the_rest_are_refused() -> None:
    def check() -> None:
        slots = Slots(2, 1)
        places = [slots.take() for _ in range(3)]
        assert [place.turn.done() for place in places] == [True, True, False]
        assert (slots.working, slots.waiting) == (2, 1)
        with pytest.raises(Busy, match="Try again in about"):
            slots.take()

    inside(check)


def test_the_line_is_served_in_its_order() -> None:
    def check() -> None:
        slots = Slots(1, 2)
        first, second, third = (slots.take() for _ in range(3))
        slots.give_back(first, 1.0)
        assert second.turn.done() and not third.turn.done()
        slots.give_back(second)
        assert third.turn.done()

    inside(check)


def test_who_leaves_the_line_leaves_no_gap() -> None:
    def check() -> None:
        slots = Slots(1, 1)
        first, second = slots.take(), slots.take()
        slots.give_back(second)
        third = slots.take()
        slots.give_back(first, 1.0)
        assert third.turn.done() and (slots.working, slots.waiting) == (1, 0)

    inside(check)


def test_giving_back_twice_frees_one_slot() -> None:
    def check() -> None:
        slots = Slots(1, 0)
        first = slots.take()
        slots.give_back(first, 1.0)
        slots.take()
        slots.give_back(first)
        assert slots.working == 1

    inside(check)


@pytest.mark.parametrize(
    ("seconds", "line", "told"),
    [([], 0, 5), ([4.0, 8.0], 0, 3), ([4.0, 8.0], 3, 12), ([0.01], 0, 1), ([1e6], 0, MAX_RETRY_SECONDS)],
)
def test_the_wait_is_estimated_from_the_last_runs_and_the_line(seconds: list[float], line: int, told: int) -> None:
    def check() -> None:
        slots = Slots(2, 9)
        for each in seconds:
            slots.give_back(slots.take(), each)
        for _ in range(2 + line):
            slots.take()
        assert slots.retry_after() == told

    inside(check)
