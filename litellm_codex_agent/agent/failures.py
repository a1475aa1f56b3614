"""What came of asking a model, in our own errors: a real one's and a scripted one's are told alike. Pure.

Law: LiteLLM is known here by the names and attributes of its exceptions only, so that a test needs none of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import AgentError, Refusal, Refused, TimedOut, Unreachable, without_keys

__all__ = ["CONTEXT_WINDOW", "MAX_SAID_CHARS", "failed", "is_refused_content", "of_litellm"]

# OpenAI's word for a question that is longer than the model's window: a loop can ask again with less.
CONTEXT_WINDOW = "context_length_exceeded"
# What of an endpoint's own words is shown: a gateway may answer with a page.
MAX_SAID_CHARS = 500
_TIMEOUTS = (408, 504)
# The codes of OpenAI and Azure, and the words of their messages where no code comes through.
_REFUSED_CONTENT = ("content_policy_violation", "content_filter", "safety system", "content management policy")
_TOO_LONG = (CONTEXT_WINDOW, "maximum context length", "context window")
_BAD_REQUEST = 400
# `litellm.RateLimitError: RateLimitError: OpenAIException - `, as often as it was wrapped.
_WRAPPED = re.compile(r"^(?:(?:litellm\.)?(?:[A-Z]\w*(?:Error|Exception)|Timeout(?: Error)?)(?: -|:) ?)+")
# What its Router adds is about the Router, in whatever words this version has.
_ROUTERS_WORDS = re.compile(
    r"(?:\s*LiteLLM: model group |\.? ?Received Model Group=| Passed model=| No fallback model group found).*",
    re.DOTALL,
)


def failed(status: int | None, message: str, *, code: str = "", retry_after: str = "") -> AgentError:
    """The error that says what an endpoint answered; no status: it could not be reached, or left in mid-answer."""
    said = without_keys(message if len(message) <= MAX_SAID_CHARS else f"{message[:MAX_SAID_CHARS]}…")
    if status is None:
        return Unreachable(said)
    if status in _TIMEOUTS:
        return TimedOut(said)
    headers = {"retry-after": retry_after} if retry_after else {}
    return Refused(Refusal(said, code, status=status), status=status, headers=headers)


def is_refused_content(error: BaseException) -> bool:
    """Whether the endpoint would not answer because of what was asked: that is an end, and no failure."""
    cause = _cause(error)
    return "ContentPolicyViolationError" in _names(cause) or _speaks_of(cause, _REFUSED_CONTENT)


def of_litellm(error: BaseException, name: str) -> AgentError:
    """The error of ours that says what LiteLLM's does; `name` is the model's."""
    cause = _cause(error)
    names = _names(cause)
    status = _status(cause, names)
    said = _said(cause) or f"{type(cause).__name__}."
    too_long = "ContextWindowExceededError" in names or _speaks_of(cause, _TOO_LONG)
    code = CONTEXT_WINDOW if too_long else str(getattr(cause, "code", None) or "")
    told = f"The model {name} failed{f' with status {status}' if status else ''}: {said}"
    return failed(status, told, code=code, retry_after=_retry_after(cause))


def _cause(error: BaseException) -> BaseException:
    """What broke a stream, out of what LiteLLM wraps around it."""
    inner = getattr(error, "original_exception", None)
    return _cause(inner) if isinstance(inner, BaseException) and inner is not error else error


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _status(error: BaseException, names: set[str]) -> int | None:
    if "APITimeoutError" in names or isinstance(error, TimeoutError):
        return 408
    if "APIConnectionError" in names or isinstance(error, OSError):
        return None
    if hasattr(error, "cooldown_time"):  # the Router's own: each of its deployments is resting
        return 429
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) and 400 <= status <= 599 else 500


def _said(error: BaseException) -> str:
    """The endpoint's words, without the names that LiteLLM puts before them and the lists that its Router adds."""
    told = str(getattr(error, "message", None) or error)
    return _ROUTERS_WORDS.sub("", _WRAPPED.sub("", told)).strip()


def _speaks_of(error: BaseException, words: tuple[str, ...]) -> bool:
    """Whether it refuses a request in one of these words."""
    if getattr(error, "status_code", None) != _BAD_REQUEST:
        return False
    said = str(getattr(error, "message", None) or error).lower()
    return getattr(error, "code", None) in words or any(word in said for word in words)


def _retry_after(error: BaseException) -> str:
    if (rest := getattr(error, "cooldown_time", None)) is not None:
        return str(rest)
    response = getattr(error, "response", None)
    for headers in (getattr(error, "litellm_response_headers", None), getattr(response, "headers", None)):
        if headers is not None and isinstance(headers, Mapping):
            told = {str(name).lower(): str(value) for name, value in headers.items()}
            if "retry-after" in told:
                return told["retry-after"]
    return ""
