"""What a run may take, what it has taken, and which budget ended first. Pure: the clock is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..backends.events import Usage

__all__ = ["Budgets", "Spent", "asked_for", "ended", "work_seconds"]

# Of a run's time, what is kept for its last answer: a tenth, and no more than half a minute.
_LAST_SHARE = 0.1
_LAST_SECONDS = 30.0


@dataclass(frozen=True)
class Budgets:
    """The bounds of one run; no cost means that none is set."""

    iterations: int = 20
    tool_calls: int = 60
    tokens: int = 500_000
    cost_usd: float | None = None
    seconds: float = 600.0


@dataclass(frozen=True)
class Spent:
    """What was taken so far; `seconds` is time at work, without that of waiting for a client."""

    iterations: int = 0
    tool_calls: int = 0
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        return self.usage.prompt_tokens + self.usage.completion_tokens


def ended(spent: Spent, budgets: Budgets) -> str:
    """The reason to stop before the next model call; empty while there is none."""
    cost, most = spent.usage.cost_usd, budgets.cost_usd
    over = {
        "budget": spent.seconds >= work_seconds(budgets),
        "max_cost": most is not None and cost is not None and cost >= most,
        "max_tokens": spent.tokens >= budgets.tokens,
        "max_tool_calls": spent.tool_calls >= budgets.tool_calls,
        "max_iterations": spent.iterations >= budgets.iterations,
    }
    return next((reason for reason, is_over in over.items() if is_over), "")


def work_seconds(budgets: Budgets) -> float:
    """The time for steps; the rest is for the last answer."""
    return budgets.seconds - min(budgets.seconds * _LAST_SHARE, _LAST_SECONDS)


def asked_for(asked: Mapping[str, Any], most: Budgets) -> Budgets:
    """The budgets of a request that may ask for less than the operator's, and not for more."""
    names = {
        "iterations": "max_iterations",
        "tool_calls": "max_tool_calls",
        "tokens": "max_total_tokens",
        "cost_usd": "max_cost_usd",
        "seconds": "max_seconds",
    }
    given = {own: asked[name] for own, name in names.items() if asked.get(name) is not None}
    bounded = {
        own: value if (bound := getattr(most, own)) is None else min(value, bound) for own, value in given.items()
    }
    return replace(most, **bounded)
