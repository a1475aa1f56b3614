"""What a run's model calls took, whether it may make another, and what went wrong last.

Law: a limit is looked at before a request goes out, and a request that is on its way is never cut for one: so tokens
and cost can end above their limit by what was under way. A cost that nobody told is None, and not 0; and what no
reply told, since it was cut or its agent did not ask for it, counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..backends.events import Failure, Usage
from .dialects import Told

__all__ = ["Limits", "Meter", "Price"]

# An operator's price of a model's call; None where the table has no such model.
Price = Callable[[str, Usage], "float | None"]


@dataclass(frozen=True)
class Limits:
    """What a run may take of its model; None is no limit."""

    requests: int | None = None
    tokens: int | None = None
    cost_usd: float | None = None


class Meter:
    """One run's. `usage` and `requests` are of all model calls that went out, also of those that failed.

    `failure` is how the last call that ended has failed, and None where it has not: an agent that got its answer
    from another try, or another model, has not failed. `refused` names the limit for which a call was refused.
    """

    def __init__(self, limits: Limits = Limits(), *, price: Price | None = None) -> None:
        self.requests = 0
        self.usage = Usage()
        self.failure: Failure | None = None
        self.refused = ""
        self._limits = limits
        self._price = price

    @property
    def priced(self) -> bool:
        """Whether `note` needs the model's name."""
        return self._price is not None

    @property
    def cost(self) -> float | None:
        """In dollars, of those calls of which it is known; None where it is known of none."""
        return self.usage.cost_usd

    @property
    def tokens(self) -> int:
        return self.usage.prompt_tokens + self.usage.completion_tokens

    @property
    def spent(self) -> str:
        """The limit that is reached, by the name of its stop reason; empty where none is."""
        most = self._limits
        over = {
            "max_cost": _reached(self.cost or 0.0, most.cost_usd),
            "max_tokens": _reached(self.tokens, most.tokens),
            "max_iterations": _reached(self.requests, most.requests),
        }
        return next((reason for reason, is_over in over.items() if is_over), "")

    def admit(self) -> bool:
        """Count a call that is about to go out, or refuse it."""
        if self.spent:
            self.refused = self.spent
            return False
        self.requests += 1
        return True

    def note(self, model: str, told: Told) -> None:
        """Once for each call: what its reply told, when it ended, or was cut by its agent."""
        if told.usage is not None:
            price = self._price(model, told.usage) if self._price else None
            self.usage = self.usage.plus(told.usage if price is None else replace(told.usage, cost_usd=price))
        if told.ended:
            self.failure = told.failure


def _reached(taken: float, most: float | None) -> bool:
    return most is not None and taken >= most
