"""The loop's budgets: each ends it by its name, cuts what hangs, and leaves one last answer without tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_codex_agent.agent.budget import Budgets, Spent
from litellm_codex_agent.agent.conversation import Conversation
from litellm_codex_agent.agent.failures import failed
from litellm_codex_agent.agent.job import Job
from litellm_codex_agent.agent.loop import END_SECONDS, Loop
from litellm_codex_agent.agent.model import Reply, Said
from litellm_codex_agent.backends.events import Done, Failure, Text, ToolCall, ToolResult, Usage
from litellm_codex_agent.backends.held import HOLD_CHARS

from .played import ASKED, CHANGE, HANGS, Plays, Shelf, call, calls, client_tool, play, says
from .test_loop import UNFIT, check

SHORT = Budgets(seconds=10.0)
LONG = "x" * (HOLD_CHARS + 1)


@pytest.mark.parametrize(
    ("budgets", "reason", "word"),
    [
        (Budgets(iterations=1), "max_iterations", "turns"),
        (Budgets(tool_calls=1), "max_tool_calls", "tool calls"),
        (Budgets(tokens=15), "max_tokens", "tokens"),
        (Budgets(cost_usd=0.25), "max_cost", "money"),
    ],
)
def test_a_budget_that_ends_leaves_one_answer_without_tools(budgets: Budgets, reason: str, word: str) -> None:
    model = Plays([calls(call(1)), says("So far.")])
    stage = play(model, Shelf(), budgets=budgets, tool_choice="required")
    assert (stage.done, stage.text) == (Done(reason), "So far.")
    assert (model.asked[1].tools, model.asked[1].parameters) == ([], {})
    assert word in model.last()
    assert [message["role"] for message in stage.talk.added] == ["assistant", "tool", "user", "assistant"]
    assert stage.talk.added[-1]["content"] == "So far."


def test_the_last_question_costs_no_turn_but_what_it_takes() -> None:
    stage = play(Plays([calls(call(1)), says("So far.")]), Shelf(), budgets=Budgets(iterations=1))
    assert (stage.talk.spent.iterations, stage.talk.spent.usage.prompt_tokens) == (1, 20)


def test_calls_over_the_budget_are_not_made_and_the_model_is_told() -> None:
    shelf = Shelf()
    model = Plays([calls(call(1), call(2, at=2), call(3)), says("So far.")])
    stage = play(model, shelf, budgets=Budgets(tool_calls=2))
    assert shelf.made == ["c1", "c2"]
    results = [message["content"] for message in stage.talk.added if message["role"] == "tool"]
    assert "Not called" in results[2]
    assert [event.id for event in stage.events if isinstance(event, (ToolCall, ToolResult))] == ["c1", "c2"] * 2
    assert (stage.done.stopped_reason, stage.talk.spent.tool_calls) == ("max_tool_calls", 3)


def test_a_budget_that_was_overdrawn_before_makes_no_call() -> None:
    shelf = Shelf()
    talk = Conversation(ASKED, "run_1", spent=Spent(tool_calls=1))
    play(Plays([calls(call(1), call(2)), says("So far.")]), shelf, talk, budgets=Budgets(tool_calls=2))
    assert shelf.made == ["c1"]


def test_a_clients_calls_count_against_no_budget_of_ours() -> None:
    stage = play(
        Plays([calls(call(1, "ask"))]), Shelf(), client_tools=[client_tool("ask")], budgets=Budgets(tool_calls=1)
    )
    assert (stage.done.stopped_reason, stage.talk.spent.tool_calls) == ("tool_calls", 0)


# Time


def test_a_model_that_hangs_is_cut_and_asked_for_a_last_answer() -> None:
    model = Plays([[HANGS], says("So far.")])
    stage = play(model, Shelf(), budgets=SHORT)
    assert (stage.done, stage.text, model.at) == (Done("budget"), "So far.", [0.0, 9.0])
    assert "time is over" in model.last()


def test_tools_that_hang_are_cut_and_the_model_may_say_what_it_has() -> None:
    model = Plays([calls(call(1), call(2, at=2)), says("So far.")])
    stage = play(model, Shelf(takes=HANGS), budgets=SHORT)
    assert (stage.done, stage.text) == (Done("budget"), "So far.")
    assert stage.seconds == 9.0 + 3.0
    assert all("stopped after 9.0 s" in message["content"] for message in stage.talk.added[1:3])


def test_the_time_of_one_call_is_less_than_the_runs() -> None:
    model = Plays([calls(call(1)), says("Done.")])
    stage = play(model, Shelf(takes=HANGS), tool_seconds=1.0)
    assert (stage.done.stopped_reason, stage.seconds) == ("success", 4.0)


def test_the_last_answer_has_the_time_that_is_left_and_no_more() -> None:
    model = Plays([[HANGS], [HANGS]])
    stage = play(model, Shelf(), budgets=SHORT)
    assert (stage.done, stage.events) == (Done("budget"), [])
    assert stage.seconds == pytest.approx(10.0 - END_SECONDS)


def test_the_time_of_an_earlier_request_counts() -> None:
    talk = Conversation(ASKED, "run_1", spent=Spent(seconds=8.0))
    model = Plays([[HANGS], says("So far.")])
    stage = play(model, Shelf(), talk, budgets=SHORT)
    assert (stage.done.stopped_reason, model.at, talk.spent.seconds) == ("budget", [0.0, 1.0], 9.0)


def test_a_late_model_is_not_asked_again_for_its_failure() -> None:
    model = Plays([calls(call(1)), [HANGS], says("So far.")])
    stage = play(model, Shelf(), budgets=SHORT)
    assert (stage.done, stage.text, len(model.asked)) == (Done("budget"), "So far.", 3)


def test_what_was_spent_tells_the_time_while_the_loop_works() -> None:
    now = [5.0]
    loop = Loop(
        Job(Plays([])), Conversation(ASKED, "run_1", spent=Spent(1, seconds=2.0)), _nobody, clock=lambda: now[0]
    )
    now[0] = 6.5
    assert loop.spent == Spent(1, seconds=3.5)


def test_what_had_to_be_opened_has_taken_its_time() -> None:
    talk = Conversation(ASKED, "run_1")
    assert Loop(Job(Plays([])), talk, _nobody, since=2.0, clock=lambda: 5.0).spent == Spent(seconds=3.0)


def test_a_tenth_of_a_second_is_for_saying_how_it_ended() -> None:
    assert END_SECONDS == 0.1


async def _nobody(event: Any) -> None:
    """Hears nothing."""


# The last answer


def test_a_last_answer_is_told_as_it_comes() -> None:
    last = [Said("S"), Said("o far."), Reply({}, "So far.")]
    stage = play(Plays([calls(call(1)), last]), Shelf(), budgets=Budgets(1))
    assert stage.events[2:] == [CHANGE, Text("S"), Text("o far.")]


def test_a_last_answer_stands_apart_from_an_earlier_text() -> None:
    first = [Said(LONG), Reply({}, LONG, (call(1),), "tool_calls")]
    assert play(Plays([first, says("Rest.")]), Shelf(), budgets=Budgets(1)).text == f"{LONG}\n\nRest."


def test_an_empty_last_answer_is_none_and_no_failure() -> None:
    stage = play(Plays([calls(call(1)), says("")]), Shelf(), budgets=Budgets(1))
    assert (stage.done, stage.text) == (Done("max_iterations"), "")
    assert stage.talk.added[-1]["role"] == "user"


def test_a_failure_of_the_last_question_is_told_as_one_that_nobody_asks_again() -> None:
    model = Plays([calls(call(1)), [failed(401, "no", code="key")]])
    stage = play(model, Shelf(), budgets=Budgets(1))
    assert stage.done == Done("max_iterations", failure=Failure(422, "no", "run_failed"))


def test_a_failure_behind_a_part_of_the_last_answer_is_none() -> None:
    stage = play(Plays([calls(call(1)), [Said("So"), failed(401, "no")]]), Shelf(), budgets=Budgets(1))
    assert (stage.done, stage.text) == (Done("max_iterations"), "So")


def test_a_last_answer_that_fits_is_told_whole() -> None:
    stage = play(Plays([calls(call(1)), says("```json\n{}\n```")]), Shelf(), budgets=Budgets(1), check=check)
    assert (stage.done, stage.text) == (Done("max_iterations"), "{}")
    assert stage.talk.added[-1]["role"] == "assistant"


def test_a_last_answer_that_does_not_fit_is_a_failure_and_not_told() -> None:
    stage = play(Plays([calls(call(1)), says("no")]), Shelf(), budgets=Budgets(1), check=check)
    failure = Failure(422, UNFIT.message, "run_failed")
    assert (stage.done, stage.text) == (Done("max_iterations", failure=failure), "")
    assert stage.talk.added[-1]["role"] == "user"


def test_no_last_answer_is_none_to_check() -> None:
    stage = play(Plays([calls(call(1)), says("")]), Shelf(), budgets=Budgets(1), check=check)
    assert stage.done == Done("max_iterations")


# Escalation


def test_the_last_question_goes_to_the_other_model_where_one_was_asked_for() -> None:
    model, other = Plays([calls(call(1))]), Plays([says("Better.")], name="other")
    stage = play(model, Shelf(), budgets=Budgets(1), escalation=other)
    assert (stage.done, stage.text) == (Done("max_iterations"), "Better.")
    assert (stage.loop.model, stage.loop.escalated) == (other, True)
    assert json.dumps(other.asked[0].messages).count("look") == 1


def test_where_no_budget_ends_nothing_escalates() -> None:
    other = Plays([], name="other")
    stage = play(Plays([says("Done.")]), escalation=other)
    assert (stage.loop.escalated, stage.loop.model.name, other.asked) == (False, "plays", [])


def test_without_another_model_the_same_one_is_asked() -> None:
    model = Plays([calls(call(1)), says("So far.")])
    stage = play(model, Shelf(), budgets=Budgets(1))
    assert (stage.loop.escalated, stage.loop.model) == (False, model)


def test_the_usage_of_both_models_adds_up() -> None:
    other = Plays([says("Better.", usage=Usage(1, 1, 1.0))], name="other")
    stage = play(Plays([calls(call(1))]), Shelf(), budgets=Budgets(1), escalation=other)
    assert stage.talk.spent.usage == Usage(11, 6, 1.25, 2, 1)
