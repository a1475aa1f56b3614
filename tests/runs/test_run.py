"""Who follows a run: from where he likes, to the end, all that is there at once, and never alone in the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from litellm_codex_agent.backends.events import Done, Text
from litellm_codex_agent.runs.record import Record
from litellm_codex_agent.runs.run import AT_ONCE, Run

from .stage import PATIENCE
from .test_journal import row


def play(scene: Callable[[Run], Awaitable[Any]]) -> Any:
    """`scene` with a run that has told nine words."""

    async def run() -> Any:
        living = Run(Record(**vars(row("a"))))
        for number in range(9):
            living.tell(Text(str(number)), 1.0)
        return await asyncio.wait_for(scene(living), PATIENCE)

    return asyncio.run(run())


async def heard(run: Run, after: int = 0, beat: float | None = None) -> list[list[int]]:
    """The numbers that a follower hears, those together that came together."""
    return [[each.seq for each in told] async for told in run.follow(after, beat)]


@pytest.mark.parametrize("after", [0, 3, 8, 9])
def test_a_follower_begins_where_it_likes_and_hears_the_rest(after: int) -> None:
    async def scene(run: Run) -> None:
        asyncio.get_running_loop().call_later(0.05, run.tell, Done(), 2.0)
        assert [number for numbers in await heard(run, after) for number in numbers] == list(range(after + 1, 11))

    play(scene)


def test_what_is_there_is_heard_at_once_and_what_comes_when_it_comes() -> None:
    async def scene(run: Run) -> None:
        loop = asyncio.get_running_loop()
        for delay, event in ((0.02, Text("more")), (0.04, Done())):
            loop.call_later(delay, run.tell, event, 2.0)
        assert await heard(run) == [list(range(1, 10)), [10], [11]]

    play(scene)


def test_silence_is_told_as_often_as_asked() -> None:
    async def scene(run: Run) -> None:
        asyncio.get_running_loop().call_later(0.1, run.tell, Done(), 2.0)
        first, *silent, last = await heard(run, beat=0.01)
        assert (len(first), last) == (9, [10])
        assert silent and not any(silent)

    play(scene)


def test_a_follower_with_much_to_hear_lets_others_have_their_turn() -> None:
    async def scene(run: Run) -> None:
        for _ in range(10 * AT_ONCE):
            run.tell(Text("x"), 1.0)
        run.tell(Done(), 2.0)
        following = asyncio.ensure_future(heard(run))
        turns = 0
        while not following.done():
            await asyncio.sleep(0)
            turns += 1
        assert turns >= 10
        assert max(map(len, following.result())) == AT_ONCE

    play(scene)


def test_a_follower_that_goes_as_something_comes_is_gone() -> None:
    async def scene(run: Run) -> None:
        following = asyncio.ensure_future(heard(run, after=9, beat=60.0))
        await asyncio.sleep(0)
        run.tell(Text("x"), 1.0)
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following

    play(scene)


def test_the_end_is_waited_for_by_any_number_and_one_that_goes_takes_nobody_along() -> None:
    async def scene(run: Run) -> None:
        waiting = [asyncio.ensure_future(run.ended()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        run.tell(Text("x"), 1.0)
        run.tell(Done("refused"), 2.0)
        assert [each.stopped_reason for each in await asyncio.gather(*waiting[1:])] == ["refused"] * 2
        assert (await run.ended()).stopped_reason == "refused"
        assert waiting[0].cancelled()

    play(scene)
