"""Each budget ends a run of Codex by its own stop reason, before more than it allows was asked or done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ..endpoint import Act, hang
from ..responses_endpoint import say, shell, turn, usage
from .desk import PRICED, PRICES, Desk

STEPS: tuple[Act, ...] = tuple(
    turn(shell(f"echo {number} > new{number}.txt"), usage=usage(1000, 50)) for number in range(5)
)
LAST = turn(say("Done."))
# Of one step, by the table.
COST = 1000 * PRICES["input_cost_per_token"] + 50 * PRICES["output_cost_per_token"]
# Which model, what bounds it, why it stops, and how often the endpoint was asked and commands ran.
BOUNDS: Mapping[str, tuple[str, dict[str, float], str, int, int]] = {
    "iterations": ("codex", {"max_iterations": 2}, "max_iterations", 2, 2),
    "calls": ("codex", {"max_tool_calls": 2}, "max_tool_calls", 3, 2),
    "tokens": ("codex", {"max_total_tokens": 2000}, "max_tokens", 2, 2),
    "cost": (f"codex:{PRICED}", {"max_cost_usd": 1.5 * COST}, "max_cost", 2, 2),
}


def envelope(desk: Desk, *turns: Act, model: str = "codex", **budgets: float) -> tuple[dict[str, Any], int]:
    """What is told of a run with these budgets, and how often the endpoint was asked."""
    script = desk.script(*turns)
    names = {"max_seconds": "max_total_seconds"}
    told = desk.run(script, model=model, **{names.get(name, name): value for name, value in budgets.items()})
    return told, len(script.asked)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_budget_ends_the_run_by_its_name_and_bounds_what_is_done(desk: Desk, name: str) -> None:
    model, budgets, reason, requests, calls = BOUNDS[name]
    told, asked = envelope(desk, *STEPS, LAST, model=model, **budgets)
    assert (told["ok"], told["stopped_reason"], asked) == (False, reason, requests)
    assert told["metrics"]["tool_calls"] == calls
    assert [each["path"] for each in told["files"]] == [f"new{number}.txt" for number in range(calls)]


@pytest.mark.parametrize("name", BOUNDS)
def test_a_chat_whose_budget_ended_without_an_answer_is_a_422_that_names_it(desk: Desk, name: str) -> None:
    model, budgets, reason, _, _ = BOUNDS[name]
    response = desk.post(desk.script(*STEPS, LAST), model=model, codex_agent={"budgets": budgets})
    assert response.status_code == 422
    assert reason in response.json()["error"]["message"]


@pytest.mark.parametrize("name", BOUNDS)
def test_a_run_that_stays_within_its_budgets_is_not_touched_by_them(desk: Desk, name: str) -> None:
    model, budgets, *_ = BOUNDS[name]
    told, asked = envelope(desk, STEPS[0], LAST, model=model, **budgets)
    assert (told["stopped_reason"], told["final_answer"], asked) == ("success", "Done.", 2)


def test_the_usage_of_a_run_that_a_budget_ended_is_told(desk: Desk) -> None:
    told, _ = envelope(desk, *STEPS, LAST, max_iterations=2)
    assert (told["usage"]["prompt_tokens"], told["usage"]["completion_tokens"]) == (2000, 100)


def test_a_cost_that_nobody_knows_bounds_nothing_and_that_is_told(desk: Desk) -> None:
    told, _ = envelope(desk, STEPS[0], LAST, max_cost_usd=0.000001)
    assert told["stopped_reason"] == "success"
    assert told["metrics"]["ignored"] == ["budgets.max_cost_usd"]


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(turn(shell("sleep 60")), id="a command"),
        pytest.param(hang(60.0), id="a model without a head", marks=pytest.mark.agents),
        pytest.param(turn(hang=60.0), id="a model without an event", marks=pytest.mark.agents),
    ],
)
def test_the_time_of_a_run_ends_what_hangs(desk: Desk, last: Act) -> None:
    told, asked = envelope(desk, STEPS[0], last, max_seconds=5)
    assert (told["ok"], told["stopped_reason"], asked) == (False, "budget", 2)
    assert [each["path"] for each in told["files"]] == ["new0.txt"]


def test_what_was_answered_before_a_budget_ended_is_an_answer_that_was_cut(desk: Desk) -> None:
    said = turn(say("So far so good.", phase="final_answer"), shell("echo x > new.txt"))
    response = desk.post(desk.script(said, LAST), codex_agent={"budgets": {"max_iterations": 1}})
    choice = response.json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("So far so good.", "length")
