"""What a run came to: the envelope of /agent/run, and the `codex_agent` object of a chat.

Law: a failure never looks like an answer. With an error there is no final answer, and `ok` is false.
The shapes are locked by tests.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Envelope", "METRICS", "STOPPED_REASONS", "agent_fields", "metrics"]

# Why a run stopped. `budget` is its wall clock, `tool_calls` waits for a tool of the client's, and `interrupted` says
# that the server died under it.
STOPPED_REASONS = (
    "success",
    "max_iterations",
    "budget",
    "max_tokens",
    "max_cost",
    "max_tool_calls",
    "repeated_format_error",
    "repeated_tool_call",
    "refused",
    "tool_calls",
    "model_error",
    "cancelled",
    "client_disconnected",
    "interrupted",
    "shutdown",
    "sandbox_unavailable",
)
# Every run's metrics have these fields and no others, at these values where nothing is known.
METRICS: Mapping[str, Any] = {
    "iterations": 0,
    "ttotal_ms": 0,
    "escalated": False,
    "used_model": None,
    "tool_calls": 0,
    "failed_tool_calls": 0,
    "cost_usd": None,
    "isolation": None,
    "ignored": [],
}


def metrics(told: Mapping[str, Any], **measured: Any) -> dict[str, Any]:
    """All fields of `METRICS`: as the server `measured` them, else as the backend `told` them.

    What else it told is in the run's events.
    """
    known = {**METRICS, **told, **measured}
    return {name: copy.deepcopy(known[name]) for name in METRICS}


def agent_fields(
    *, run_id: str, stopped_reason: str, metrics: Mapping[str, Any], files: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The `codex_agent` object that comes back in a chat; `files` are `{"path", "kind", "diff"}`."""
    return {
        "run_id": run_id,
        "stopped_reason": stopped_reason,
        "metrics": dict(metrics),
        "files": [dict(file) for file in files],
    }


@dataclass(frozen=True)
class Envelope:
    """An ended run; `error` is OpenAI's error object, `messages` the conversation with what the run added."""

    run_id: str
    stopped_reason: str
    final_answer: str
    messages: Sequence[Mapping[str, Any]]
    metrics: Mapping[str, Any]
    usage: Mapping[str, Any]
    error: Mapping[str, Any] | None = None
    last_tool_invocation: Mapping[str, Any] | None = None
    files: Sequence[Mapping[str, Any]] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """It shares nothing with the run that could be changed."""
        told: dict[str, Any] = {
            "ok": self.error is None,
            "run_id": self.run_id,
            "final_answer": self.final_answer if self.error is None else None,
            "stopped_reason": self.stopped_reason,
            "messages": list(self.messages),
            "metrics": dict(self.metrics),
            "usage": dict(self.usage),
        }
        if self.error is not None:
            told["error"] = dict(self.error)
        if self.last_tool_invocation is not None:
            told["last_tool_invocation"] = dict(self.last_tool_invocation)
        if self.files:
            told["files"] = [dict(file) for file in self.files]
        return copy.deepcopy(told)
