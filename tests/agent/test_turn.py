"""A turn: thoughts and answers as they come, what may be a call whole, a hanging model cut at its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from litellm_codex_agent.agent.model import Asked, Mused, Piece, Reply, Said
from litellm_codex_agent.agent.turn import Turn
from litellm_codex_agent.backends.events import Event, Text, Thought
from litellm_codex_agent.backends.held import HOLD_CHARS
from litellm_codex_agent.errors import Unreachable

REPLY = Reply({"role": "assistant"}, "whole")
LONG = "x" * (HOLD_CHARS + 1)


class Says:
    """A model that says these pieces, and then what `after` does."""

    name, window = "says", None

    def __init__(self, *pieces: Piece, after: str = "") -> None:
        self.pieces, self.after, self.closed = pieces, after, False

    async def ask(self, asked: Asked) -> AsyncGenerator[Piece, None]:
        try:
            for piece in self.pieces:
                yield piece
            if self.after == "hangs":
                await asyncio.get_running_loop().create_future()
            if self.after == "fails":
                raise Unreachable("gone")
            if self.after == "breaks":
                raise KeyError("a fault")
        finally:
            self.closed = True


def told(model: Says, *, hold: int | None = HOLD_CHARS, seconds: float = 60.0) -> tuple[Turn, Sequence[Event]]:
    turn, events = Turn(hold=hold), list[Event]()

    async def tell(event: Event) -> None:
        events.append(event)

    asyncio.run(turn.ask(model, Asked(()), seconds, tell))
    return turn, events


def test_thoughts_are_told_at_once_and_a_short_text_is_held() -> None:
    turn, events = told(Says(Mused("hm"), Mused(""), Said("I "), Said("look."), REPLY))
    assert events == [Thought("hm")]
    assert (turn.reply, turn.held, turn.told) == (REPLY, "I look.", False)


def test_a_long_text_is_an_answer_and_told_as_it_comes() -> None:
    turn, events = told(Says(Said(LONG), Said("y"), Said(""), REPLY))
    assert events == [Text(LONG), Text("y")]
    assert (turn.held, turn.told) == ("", True)


@pytest.mark.parametrize("begin", ['{"name"', " \n```python"])
def test_what_may_be_a_call_is_held_whole(begin: str) -> None:
    turn, events = told(Says(Said(begin), Said(LONG), REPLY))
    assert (events, turn.held) == ([], begin + LONG)


def test_without_a_hold_all_is_told_and_with_none_nothing() -> None:
    assert told(Says(Said("{"), Said("b"), REPLY), hold=0)[1] == [Text("{"), Text("b")]
    assert told(Says(Said(LONG), REPLY), hold=None)[0].held == LONG


def test_a_model_that_hangs_is_cut_and_closed() -> None:
    model = Says(Said("I "), after="hangs")
    turn, events = told(model, seconds=0.02)
    assert (turn.late, turn.reply, turn.held, events) == (True, None, "I ", [])
    assert model.closed


def test_a_failure_is_kept_for_the_loop() -> None:
    turn, _ = told(Says(Mused("hm"), after="fails"))
    assert (str(turn.failure), turn.late, turn.reply) == ("gone", False, None)


def test_a_fault_is_raised() -> None:
    with pytest.raises(KeyError, match="a fault"):
        told(Says(after="breaks"))


def test_a_turn_that_failed_can_be_asked_again() -> None:
    turn = Turn()

    async def tell(event: Event) -> None:
        assert event == Thought("hm")

    async def ask() -> None:
        await turn.ask(Says(Mused("hm"), Said("I "), after="fails"), Asked(()), 60.0, tell)
        await turn.ask(Says(Said("done"), REPLY), Asked(()), 60.0, tell)

    asyncio.run(ask())
    assert (turn.failure, turn.reply, turn.held) == (None, REPLY, "done")
