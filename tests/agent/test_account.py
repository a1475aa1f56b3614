"""What a request's part of a run came to: what it took since it began, and the whole for the trace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from litellm_codex_agent.agent.account import Start, account, trace_record
from litellm_codex_agent.agent.budget import Budgets, Spent
from litellm_codex_agent.agent.conversation import Conversation
from litellm_codex_agent.agent.hands import Made
from litellm_codex_agent.agent.job import Job
from litellm_codex_agent.agent.leg import Leg
from litellm_codex_agent.agent.loop import Loop
from litellm_codex_agent.backends.backend import Task
from litellm_codex_agent.backends.events import Done, Failure, Usage
from litellm_codex_agent.tools.source import Result

from .played import ASKED, Plays, call

TASK = Task("run_1", "m", ASKED)
SPENT = Spent(3, 4, Usage(10, 20, 0.5, 3, 4), 1.23456)


async def nobody(event: Any) -> None:
    """Hears nothing."""


def leg_and_loop() -> tuple[Leg, Loop]:
    talk = Conversation(ASKED, "run_1", added=[{"role": "user", "content": "a"}], spent=Spent(1, 1, Usage(1, 2, 0.25)))
    job = Job(Plays([], name="small"))
    made = Made(call(1, at=2), Result(stdout="x"))
    return Leg("t", talk, job, "bwrap", ("escalate_model",), [made]), Loop(job, talk, nobody)


def test_a_request_pays_for_what_it_took_and_shows_what_it_added() -> None:
    leg, loop = leg_and_loop()
    start = Start.of(leg.conversation)
    assert start == Start(Spent(1, 1, Usage(1, 2, 0.25)), 1)
    leg.conversation.spent = SPENT
    leg.conversation.say("assistant", "b")
    done = account(leg, loop, Done("success"), start)
    assert (done.stopped_reason, done.usage) == ("success", Usage(9, 18, 0.25, 3, 4))
    assert done.added == ({"role": "assistant", "content": "b"},)


def test_its_figures_say_how_it_worked() -> None:
    leg, loop = leg_and_loop()
    start = Start.of(leg.conversation)
    leg.conversation.spent = SPENT
    figures = {"iterations": 2, "escalated": False, "used_model": "small", "isolation": "bwrap"}
    assert account(leg, loop, Done(), start).metrics == {**figures, "ignored": ["escalate_model"]}
    loop.model, loop.escalated = Plays([], name="big"), True
    told = account(leg, loop, Done(), start).metrics
    assert (told["used_model"], told["escalated"]) == ("big", True)


def test_a_bound_by_a_price_that_nobody_knows_is_told_as_ignored() -> None:
    leg, loop = leg_and_loop()
    leg.job = replace(leg.job, budgets=Budgets(cost_usd=1.0))
    start = Start.of(leg.conversation)
    leg.conversation.spent = Spent()
    assert account(leg, loop, Done(), start).metrics["ignored"] == ["escalate_model"]
    leg.conversation.spent = Spent(iterations=1)
    assert account(leg, loop, Done(), start).metrics["ignored"] == ["escalate_model", "budgets.max_cost_usd"]
    leg.conversation.spent = SPENT
    assert account(leg, loop, Done(), start).metrics["ignored"] == ["escalate_model"]


def test_the_trace_has_the_whole_run() -> None:
    leg, loop = leg_and_loop()
    leg.conversation.spent = SPENT
    told = dict(trace_record(TASK, leg, loop, Done("budget")))
    assert told.pop("at") > 1e9
    result = {"rc": 0, "stdout": "x", "stderr": "", "timed_out": False, "isolation": None, "error": ""}
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "cost_usd": 0.5, "cached_tokens": 3, "reasoning_tokens": 4}
    assert told == {
        "run_id": "run_1",
        "model": "small",
        "messages": [*ASKED, {"role": "user", "content": "a"}],
        "tools": [{"id": "c1", "name": "look", "arguments": '{"at": 2}', "result": result}],
        "stopped_reason": "budget",
        "error": None,
        "escalated": False,
        "isolation": "bwrap",
        "iterations": 3,
        "tool_calls": 4,
        "seconds": 1.235,
        "usage": usage,
    }


def test_the_trace_has_the_failure_and_says_where_there_was_no_end() -> None:
    leg, loop = leg_and_loop()
    failed = Done("model_error", failure=Failure(502, "no", "code", 1.0))
    error = {"status": 502, "message": "no", "code": "code", "retry_after": 1.0}
    assert trace_record(TASK, leg, loop, failed)["error"] == error
    cancelled = trace_record(replace(TASK, run_id="run_2"), leg, loop, None)
    assert (cancelled["stopped_reason"], cancelled["error"]) == ("cancelled", None)
