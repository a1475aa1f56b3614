"""Budgets: the first one that ended is named, a request gets less and never more, usage adds up."""

from __future__ import annotations

import pytest

from litellm_codex_agent.agent.budget import Budgets, Spent, asked_for, ended, work_seconds
from litellm_codex_agent.backends.events import Usage

MOST = Budgets(iterations=5, tool_calls=7, tokens=100, cost_usd=1.0, seconds=50.0)


@pytest.mark.parametrize(
    ("spent", "reason"),
    [
        (Spent(), ""),
        (Spent(iterations=4, tool_calls=6, usage=Usage(60, 39, 0.99), seconds=44.9), ""),
        (Spent(iterations=5), "max_iterations"),
        (Spent(tool_calls=7), "max_tool_calls"),
        (Spent(usage=Usage(60, 40)), "max_tokens"),
        (Spent(usage=Usage(cost_usd=1.0)), "max_cost"),
        (Spent(seconds=45.0), "budget"),
        (Spent(iterations=5, tool_calls=7, usage=Usage(100, 0, 1.0), seconds=50.0), "budget"),
        (Spent(iterations=5, tool_calls=7, usage=Usage(100)), "max_tokens"),
    ],
)
def test_a_budget_that_has_ended_is_named(spent: Spent, reason: str) -> None:
    assert ended(spent, MOST) == reason


def test_without_a_bound_on_cost_none_ends_it() -> None:
    assert ended(Spent(usage=Usage(cost_usd=1e9)), Budgets(cost_usd=None)) == ""


@pytest.mark.parametrize(("seconds", "work"), [(50.0, 45.0), (1.0, 0.9), (300.0, 270.0), (600.0, 570.0)])
def test_a_tenth_of_the_time_and_half_a_minute_at_most_is_for_the_last_answer(seconds: float, work: float) -> None:
    assert work_seconds(Budgets(seconds=seconds)) == pytest.approx(work)


def test_a_request_may_ask_for_less() -> None:
    asked = {"max_iterations": 1, "max_tool_calls": 2, "max_total_tokens": 3, "max_cost_usd": 0.5, "max_seconds": 4}
    assert asked_for(asked, MOST) == Budgets(1, 2, 3, 0.5, 4)


def test_a_request_asks_in_vain_for_more() -> None:
    asked = {"max_iterations": 6, "max_tool_calls": 8, "max_total_tokens": 101, "max_cost_usd": 2, "max_seconds": 51}
    assert asked_for(asked, MOST) == MOST


def test_what_a_request_leaves_out_is_the_operators() -> None:
    assert asked_for({}, MOST) == MOST
    assert asked_for({"max_iterations": None, "max_cost_usd": 0.1}, MOST) == Budgets(5, 7, 100, 0.1, 50.0)


def test_a_cost_may_be_bounded_where_the_operator_bounds_none() -> None:
    assert asked_for({"max_cost_usd": 9.0}, Budgets()).cost_usd == 9.0


def test_tokens_are_those_of_both_directions() -> None:
    assert Spent(usage=Usage(3, 4, None, 5, 6)).tokens == 7


def test_what_nobody_has_set_is_as_the_reference_says_and_nothing_is_spent() -> None:
    assert Budgets() == Budgets(iterations=20, tool_calls=60, tokens=500_000, cost_usd=None, seconds=600.0)
    assert Spent() == Spent(iterations=0, tool_calls=0, usage=Usage(), seconds=0.0)
