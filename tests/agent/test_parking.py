"""Parked runs: only their own tenant takes one, only once, and what nobody comes for is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from litellm_codex_agent.agent.parking import MOST_WAITING, Answers, Parking, answers_of

from .hurried import hurried

USER = {"role": "user", "content": "go"}
CALLING = {"role": "assistant", "content": None, "tool_calls": []}


class Held:
    """Something that waits."""

    def __init__(self, tenant: str = "t") -> None:
        self.tenant = tenant
        self.closed = asyncio.Event()

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed.set()


def parked(body: Callable[[Parking[Held]], Awaitable[None]], seconds: float = 60.0) -> None:
    async def run() -> None:
        parking: Parking[Held] = Parking(seconds)
        await body(parking)
        await parking.close()

    asyncio.run(run())


def test_a_run_is_taken_once() -> None:
    async def body(parking: Parking[Held]) -> None:
        held = Held()
        parking.put("run_1", held)
        assert parking.take("run_1", "t") is held
        assert parking.take("run_1", "t") is None
        await parking.close()
        assert not held.closed.is_set()

    parked(body)


@pytest.mark.parametrize(("name", "tenant"), [("run_1", "other"), ("run_2", "t"), ("run_1", "")])
def test_nobody_else_takes_it(name: str, tenant: str) -> None:
    async def body(parking: Parking[Held]) -> None:
        held = Held()
        parking.put("run_1", held)
        assert parking.take(name, tenant) is None
        assert parking.take("run_1", "t") is held

    parked(body)


def test_what_nobody_comes_for_is_closed() -> None:
    async def body(parking: Parking[Held]) -> None:
        held = Held()
        parking.put("run_1", held)
        await asyncio.wait_for(held.closed.wait(), 10)
        assert parking.take("run_1", "t") is None

    parked(body, seconds=0.01)


def test_what_waits_when_the_server_ends_is_closed_before_it_has() -> None:
    async def body(parking: Parking[Held]) -> None:
        held = [Held(), Held()]
        for number, each in enumerate(held):
            parking.put(f"run_{number}", each)
        await parking.close()
        assert all(each.closed.is_set() for each in held)

    parked(body)


def test_a_tenant_with_too_many_loses_the_oldest_and_no_one_elses() -> None:
    async def body(parking: Parking[Held]) -> None:
        others, mine = Held("other"), [Held() for _ in range(MOST_WAITING + 1)]
        parking.put("run_other", others)
        for number, held in enumerate(mine):
            parking.put(f"run_{number}", held)
        await asyncio.wait_for(mine[0].closed.wait(), 10)
        assert parking.take("run_0", "t") is None
        assert parking.take("run_1", "t") is mine[1] and parking.take("run_other", "other") is others
        assert parking.take(f"run_{MOST_WAITING}", "t") is mine[-1]

    parked(body)


def answer(call_id: str, content: Any = "seen") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def test_answers_are_found_at_the_end_of_a_conversation() -> None:
    messages = [USER, CALLING, answer("call_run_a1_0"), answer("call_run_a1_2_3", [{"type": "text", "text": "x"}])]
    assert answers_of(messages) == Answers("run_a1", {"call_run_a1_0": "seen", "call_run_a1_2_3": "x"})


def test_what_the_user_adds_behind_the_answers_goes_with_them() -> None:
    more = {"role": "user", "content": "and be quick"}
    assert answers_of([USER, CALLING, answer("call_run_a1_0"), more]) == Answers(
        "run_a1", {"call_run_a1_0": "seen"}, (more,)
    )


@pytest.mark.parametrize(
    "messages",
    [
        [USER],
        [USER, CALLING, answer("call_abc")],
        [USER, CALLING, answer("call_run_xyz_0")],
        [USER, CALLING, answer("call_run_a1_0"), {"role": "assistant", "content": "Done."}, USER],
        [USER, CALLING, {**answer("call_run_a1_0"), "role": "user"}],
    ],
)
def test_where_no_call_of_ours_is_answered_last_there_are_none(messages: list[dict[str, Any]]) -> None:
    assert answers_of(messages) is None


def test_answers_are_found_where_the_client_sends_no_more_than_them() -> None:
    messages = [answer("call_run_a1_0"), answer("call_run_a1_1"), USER]
    answers = {"call_run_a1_0": "seen", "call_run_a1_1": "seen"}
    assert answers_of(messages) == Answers("run_a1", answers, (USER,))


def test_the_answer_of_another_call_beside_ours_is_not_ours() -> None:
    messages = [USER, CALLING, answer("call_abc"), answer("call_run_a1_0")]
    assert answers_of(messages) == Answers("run_a1", {"call_run_a1_0": "seen"}, others=("call_abc",))


def test_the_second_answer_to_a_call_is_not_taken_for_the_first() -> None:
    messages = [USER, CALLING, answer("call_run_a1_0"), answer("call_run_a1_0", "other")]
    assert answers_of(messages) == Answers("run_a1", {"call_run_a1_0": "seen"}, others=("call_run_a1_0",))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        ([{"type": "image_url"}, {"type": "text", "text": "b"}, "no part"], "b"),
    ],
)
def test_an_answer_is_the_text_of_its_parts(content: Any, text: str) -> None:
    found = answers_of([CALLING, answer("call_run_a1_0", content)])
    assert found is not None
    assert found.by_call == {"call_run_a1_0": text}


def test_a_run_that_waits_again_waits_its_whole_time() -> None:
    async def scene() -> tuple[bool, bool, bool]:
        parking: Parking[Held] = Parking(10.0)
        first, held = Held(), Held()
        parking.put("run_1", held)
        await asyncio.sleep(5.0)
        assert parking.take("run_1", "t") is held
        parking.put("run_1", first)
        await parking.close()
        parking.put("run_1", held)
        await asyncio.sleep(9.0)
        before = held.closed.is_set()
        await asyncio.sleep(2.0)
        return first.closed.is_set(), before, held.closed.is_set()

    assert hurried(scene()) == (True, False, True)
