"""How a run's end is told: the status and the finish reason of each way to stop, in one table."""

from __future__ import annotations

from dataclasses import dataclass

from ..backends.events import Done, Failure
from .reader import JournalError

__all__ = ["Outcome", "not_written", "outcome_of"]

# Not retried by LiteLLM's Router, and fallbacks follow: the run has acted, and a second one would act again.
_NOT_AGAIN = 422
# nginx's "client closed request"; the Router does not retry it either.
_CANCELLED = 499
_AGAIN = 503

_ANSWERS = {
    "success": "stop",
    "max_iterations": "length",
    "budget": "length",
    "max_tokens": "length",
    "max_cost": "length",
    "max_tool_calls": "length",
    "refused": "content_filter",
    # The client has to make a call of its own before the run goes on.
    "tool_calls": "tool_calls",
}
# Status before the first tool call, and what to say where the backend said nothing.
_FAILURES = {
    "model_error": (502, "The agent failed and did not say why."),
    "cancelled": (_CANCELLED, "The run was cancelled."),
    "client_disconnected": (_CANCELLED, "The run was cancelled: its client went away, and nobody came back for it."),
    "interrupted": (_AGAIN, "The server died while the run was working."),
    "shutdown": (_AGAIN, "The server was stopped while the run was working."),
    "sandbox_unavailable": (_NOT_AGAIN, "No sandbox works on this machine, so the agent's tools are not offered."),
    "repeated_format_error": (_NOT_AGAIN, "The model's replies could not be read, several times in a row."),
    "repeated_tool_call": (_NOT_AGAIN, "The model made the same call with the same result over and over."),
}


@dataclass(frozen=True)
class Outcome:
    """What a chat gets: a finish reason where there is an answer, else the failure with its status."""

    finish: str = ""
    failure: Failure | None = None

    @property
    def answered(self) -> bool:
        return self.failure is None


def outcome_of(done: Done, *, acted: bool, has_answer: bool) -> Outcome:
    """The outcome of a run that ended so. A failure after the first tool call is never one to try again."""
    reason = done.stopped_reason
    if done.failure is None and reason in _ANSWERS and (has_answer or reason in ("success", "refused", "tool_calls")):
        return Outcome(finish=_ANSWERS[reason])
    failure = done.failure or _unexplained(reason)
    # Somebody asked for it to stop, so it is told as that, whatever it had done.
    if not acted or reason == "cancelled":
        return Outcome(failure=failure)
    told = f"The run failed after it had begun to act, so it is not tried again: {failure.message}"
    return Outcome(failure=Failure(_NOT_AGAIN, told, "run_failed"))


def not_written(error: JournalError) -> Done:
    """The end of a run of which something could not be written down."""
    return Done("model_error", failure=Failure(_AGAIN, error.told, "journal"))


def _unexplained(reason: str) -> Failure:
    if reason in _ANSWERS:
        limit = "wall clock" if reason == "budget" else reason
        return Failure(_NOT_AGAIN, f"The run reached its limit ({limit}) before it had an answer.", "run_failed")
    status, message = _FAILURES.get(reason, _FAILURES["model_error"])
    return Failure(status, message, "run_failed" if status == _NOT_AGAIN else reason)
