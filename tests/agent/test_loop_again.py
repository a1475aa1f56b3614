"""What the loop asks again: a passing failure of its model, once it has acted and while there is time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_codex_agent.agent.failures import failed
from litellm_codex_agent.agent.loop import MODEL_PAUSE_SECONDS, MODEL_TRIES
from litellm_codex_agent.agent.model import RawCall, Said
from litellm_codex_agent.backends.events import Done, Failure
from litellm_codex_agent.errors import Refusal, Refused

from .played import Plays, Shelf, call, calls, play, says
from .test_loop import LONG

BUSY = failed(429, "busy")


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_a_passing_failure_after_the_first_act_is_asked_again(status: int) -> None:
    model = Plays([calls(call(1)), [Refused(Refusal("busy"), status=status)], says("Done.")])
    stage = play(model, Shelf())
    assert (stage.done.stopped_reason, stage.text) == ("success", "Done.")
    assert model.asked[1] == model.asked[2]
    assert stage.talk.spent.usage.prompt_tokens == 20


def test_a_timeout_of_the_model_is_asked_again_too() -> None:
    stage = play(Plays([calls(call(1)), [failed(408, "slow")], says("Done.")]), Shelf())
    assert stage.done.stopped_reason == "success"


def test_each_pause_is_twice_the_one_before_and_the_third_failure_is_the_end() -> None:
    model = Plays([calls(call(1)), [BUSY], [BUSY], [BUSY]])
    stage = play(model, Shelf())
    assert (model.at, stage.seconds) == ([0.0, 0.0, 1.0, 3.0], 3.0)
    assert stage.done == Done("model_error", failure=Failure(429, "busy"))
    assert (MODEL_TRIES, MODEL_PAUSE_SECONDS) == (3, 1.0)


@pytest.mark.parametrize("asked", [0.0, 7.0])
def test_the_model_may_ask_for_a_pause_of_its_own(asked: float) -> None:
    model = Plays([calls(call(1)), [failed(503, "busy", retry_after=str(asked))], says("Done.")])
    play(model, Shelf())
    assert model.at[2] == asked


def test_a_pause_longer_than_the_time_that_is_left_is_not_waited() -> None:
    model = Plays([calls(call(1)), [failed(503, "busy", retry_after="571")]])
    stage = play(model, Shelf())
    assert (stage.done.stopped_reason, stage.seconds, len(model.asked)) == ("model_error", 0.0, 2)
    assert stage.done.failure == Failure(503, "busy", retry_after=571.0)


def test_of_the_time_that_is_left_is_taken_off_what_is_over() -> None:
    model = Plays([[100.0, *calls(call(1))], [failed(503, "busy", retry_after="471")]])
    assert play(model, Shelf()).done.stopped_reason == "model_error"


def test_a_pause_to_the_end_of_the_time_is_waited() -> None:
    model = Plays([calls(call(1)), [failed(503, "busy", retry_after="570")], says("Done."), says("Late.")])
    play(model, Shelf())
    assert model.at[2] == 570.0


@pytest.mark.parametrize("status", [400, 401, 404, 422, 501])
def test_a_lasting_failure_is_not_asked_again(status: int) -> None:
    stage = play(Plays([calls(call(1)), [failed(status, "no", code="why")]]), Shelf())
    assert (stage.done, stage.seconds) == (Done("model_error", failure=Failure(status, "no", "why")), 0.0)


def test_before_the_first_act_a_failure_is_the_callers_to_ask_again() -> None:
    stage = play(Plays([[BUSY]]), Shelf())
    assert (stage.done, stage.seconds) == (Done("model_error", failure=Failure(429, "busy")), 0.0)


def test_a_failure_behind_text_that_was_told_is_not_asked_again() -> None:
    stage = play(Plays([calls(call(1)), [Said(LONG), BUSY]]), Shelf())
    assert (stage.done.stopped_reason, stage.text) == ("model_error", LONG)


def test_a_model_that_ends_without_a_reply_is_an_error() -> None:
    failure = Failure(502, "The model ended without a reply.", "model_error")
    assert play(Plays([[Said("I")]]), Shelf()).done == Done("model_error", failure=failure)


def test_a_task_too_long_for_the_model_is_not_asked() -> None:
    model = Plays([], window=8)
    stage = play(model, Shelf())
    assert (stage.done.stopped_reason, model.asked) == ("model_error", [])
    assert stage.done.failure is not None
    assert stage.done.failure.code == "context_length_exceeded"


def test_old_output_makes_room_for_the_next_question() -> None:
    turns: list[Any] = [calls(call(number, at=number, text="x" * 2000)) for number in range(3)]
    model = Plays([*turns, says("Done.")], window=3000)
    assert play(model, Shelf()).done.stopped_reason == "success"
    assert "left out here" in json.dumps(model.asked[-1].messages)


def test_an_unknown_tool_is_a_result_that_names_the_others() -> None:
    model = Plays([calls(RawCall("c1", "lock", "{}")), says("Done.")])
    play(model, Shelf())
    assert "There is: fail, look." in model.last()
