"""What came of asking a model, in our own errors: a real one's and a scripted one's are told alike. Pure."""

from __future__ import annotations

from ..errors import AgentError, Refusal, Refused, TimedOut, Unreachable, without_keys

__all__ = ["CONTEXT_WINDOW", "MAX_SAID_CHARS", "failed"]

# OpenAI's word for a question that is longer than the model's window: a loop can ask again with less.
CONTEXT_WINDOW = "context_length_exceeded"
# What of an endpoint's own words is shown: a gateway may answer with a page.
MAX_SAID_CHARS = 500
_TIMEOUTS = (408, 504)


def failed(status: int | None, message: str, *, code: str = "", retry_after: str = "") -> AgentError:
    """The error that says what an endpoint answered; no status: it could not be reached, or left in mid-answer."""
    said = without_keys(message if len(message) <= MAX_SAID_CHARS else f"{message[:MAX_SAID_CHARS]}…")
    if status is None:
        return Unreachable(said)
    if status in _TIMEOUTS:
        return TimedOut(said)
    headers = {"retry-after": retry_after} if retry_after else {}
    return Refused(Refusal(said, code, status=status), status=status, headers=headers)
