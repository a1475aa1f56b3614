"""An error of ours as the failure of a run. Pure."""

from __future__ import annotations

from ..errors import AgentError, Refused
from .events import Failure

__all__ = ["failure_of"]

# RFC 9110, section 10.2.3: a day is more than any caller waits for.
_LONGEST_WAIT = 86_400.0


def failure_of(error: AgentError) -> Failure:
    """It says what happened in words that are made for its caller."""
    if not isinstance(error, Refused):
        return Failure(error.status, str(error))
    wait = error.headers.get("retry-after", "")
    seconds = min(float(wait), _LONGEST_WAIT) if wait.replace(".", "", 1).isdecimal() else None
    return Failure(error.status, str(error), error.refusal.code, seconds)
