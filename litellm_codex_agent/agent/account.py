"""What one request's part of a run came to: its end with all figures, and its line in the trace. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..backends.backend import Task
from ..backends.events import Done
from .budget import Spent
from .conversation import Conversation
from .leg import Leg
from .loop import Loop

__all__ = ["Start", "account", "trace_record"]


@dataclass(frozen=True)
class Start:
    """Where a request's part begins: a client pays for each request what that took."""

    spent: Spent
    messages: int

    @classmethod
    def of(cls, conversation: Conversation) -> Start:
        return cls(conversation.spent, len(conversation.added))


def account(leg: Leg, loop: Loop, done: Done, start: Start) -> Done:
    """The end, with what it took since `start`."""
    spent = leg.conversation.spent
    return replace(
        done,
        usage=spent.usage.minus(start.spent.usage),
        metrics={
            "iterations": spent.iterations - start.spent.iterations,
            "escalated": loop.escalated,
            "used_model": loop.model.name,
            "isolation": leg.isolation,
            "ignored": [*leg.skipped, *_unbound(leg)],
        },
        added=tuple(leg.conversation.added[start.messages :]),
    )


def _unbound(leg: Leg) -> list[str]:
    """A bound that nothing was measured by: the model has no price that LiteLLM or its endpoint knows."""
    spent = leg.conversation.spent
    unpriced = spent.iterations > 0 and spent.usage.cost_usd is None
    return ["budgets.max_cost_usd"] if unpriced and leg.job.budgets.cost_usd is not None else []


def trace_record(task: Task, leg: Leg, loop: Loop, done: Done | None) -> Mapping[str, Any]:
    """The run so far, with each tool's whole output. No end: it was cancelled."""
    spent = leg.conversation.spent
    return {
        "run_id": task.run_id,
        "at": time.time(),
        "model": loop.model.name,
        "messages": [*leg.conversation.asked, *leg.conversation.added],
        "tools": [{**asdict(made.call), "result": asdict(made.result)} for made in leg.kept],
        "stopped_reason": done.stopped_reason if done else "cancelled",
        "error": asdict(done.failure) if done and done.failure else None,
        "escalated": loop.escalated,
        "isolation": leg.isolation,
        "iterations": spent.iterations,
        "tool_calls": spent.tool_calls,
        "seconds": round(spent.seconds, 3),
        "usage": asdict(spent.usage),
    }
