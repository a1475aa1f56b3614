"""What a run's calls came to, and when it may make no more."""

from __future__ import annotations

import pytest

from litellm_codex_agent.backends.events import Failure, Usage
from litellm_codex_agent.relay.dialects import Told
from litellm_codex_agent.relay.meter import Limits, Meter

FAILED = Told(failure=Failure(500, "Oh."), whole=True, ended=True)


def told(*counts: int, cost: float | None = None) -> Told:
    return Told(Usage(counts[0], counts[1], cost, *counts[2:]), whole=True, ended=True)


def test_usage_is_the_sum_of_all_calls() -> None:
    meter = Meter()
    for _ in range(2):
        meter.note("m", told(1, 2, 3, 4))
    assert (meter.usage, meter.tokens) == (Usage(2, 4, None, 6, 8), 6)


def test_a_cost_that_nobody_told_is_none_and_else_the_sum_of_what_was_told() -> None:
    meter = Meter()
    costs = []
    for cost in (None, 0.25, None, 0.5):
        meter.note("m", told(1, 1, cost=cost))
        costs.append(meter.cost)
    assert costs == [None, 0.25, 0.25, 0.75]


def test_the_operators_price_wins_and_what_it_does_not_know_is_as_told() -> None:
    meter = Meter(price=lambda model, usage: {"dear": 2.0 * usage.prompt_tokens}.get(model))
    meter.note("dear", told(1, 1, cost=0.25))
    meter.note("other", told(1, 1, cost=0.25))
    assert meter.cost == 2.25 and meter.priced and not Meter().priced


@pytest.mark.parametrize(
    ("limits", "spent"),
    [
        (Limits(), ""),
        (Limits(requests=2, tokens=4, cost_usd=0.6), ""),
        (Limits(requests=1), "max_iterations"),
        (Limits(requests=1, tokens=3), "max_tokens"),
        (Limits(requests=1, tokens=3, cost_usd=0.5), "max_cost"),
        (Limits(requests=0), "max_iterations"),
    ],
)
def test_a_limit_is_reached_when_all_of_it_is_taken(limits: Limits, spent: str) -> None:
    meter = Meter(limits)
    meter.admit()
    meter.note("m", told(1, 2, cost=0.5))
    assert meter.spent == spent
    assert (meter.admit(), meter.refused) == (not spent, spent)


def test_nothing_was_refused_where_the_last_call_reached_the_limit() -> None:
    meter = Meter(Limits(requests=1))
    assert meter.admit() and (meter.spent, meter.refused) == ("max_iterations", "")


def test_a_refused_call_is_not_counted() -> None:
    meter = Meter(Limits(requests=1))
    assert [meter.admit(), meter.admit(), meter.requests] == [True, False, 1]


def test_a_new_meter_has_taken_nothing_and_nothing_has_failed() -> None:
    meter = Meter(Limits(cost_usd=0.0))
    assert (meter.requests, meter.usage, meter.failure, meter.refused) == (0, Usage(), None, "")
    assert meter.spent == "max_cost"


def test_a_cost_limit_holds_no_call_of_unknown_cost() -> None:
    meter = Meter(Limits(cost_usd=0.5))
    meter.note("m", told(1, 1))
    assert meter.admit()


def test_the_last_call_that_ended_says_whether_the_run_has_failed() -> None:
    meter = Meter()
    meter.note("m", FAILED)
    meter.note("m", Told(Usage(1, 1)))  # cut by its agent: neither a failure nor a success
    assert meter.failure == Failure(500, "Oh.")
    meter.note("m", told(1, 1))
    assert meter.failure is None
