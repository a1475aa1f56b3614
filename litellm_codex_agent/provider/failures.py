"""Our errors → the LiteLLM exception that says the same, so that retries, cooldowns and fallbacks act as they should.

LiteLLM lets its own exceptions through untouched and turns everything else into one that the Router
neither cools down nor retries well. So: a typed exception for every fault, each with `response`, from
which the Router reads Retry-After.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from litellm import exceptions

from ..errors import AgentError, Refusal, Refused
from .request import NAME, NAMES

__all__ = ["to_litellm", "told"]

# The code where there is one; the words of OpenAI's and vLLM's message where an endpoint sends no code.
_CONTEXT_WINDOW = ("context_length_exceeded", "maximum context length", "context window")
_CONTENT_POLICY = ("content_policy_violation", "content_filter", "safety system")

_Make = Callable[..., Exception]

_BY_STATUS: Mapping[int, _Make] = {
    400: exceptions.BadRequestError,
    401: exceptions.AuthenticationError,
    403: exceptions.PermissionDeniedError,
    404: exceptions.NotFoundError,
    422: exceptions.BadRequestError,
    429: exceptions.RateLimitError,
    500: exceptions.InternalServerError,
    502: exceptions.BadGatewayError,
    503: exceptions.ServiceUnavailableError,
}
_TIMEOUTS = (408, 504)


@contextmanager
def told(call: Mapping[str, Any], secrets: tuple[str, ...] = ()) -> Iterator[None]:
    """Whatever of ours is raised inside leaves as the LiteLLM exception that says it."""
    try:
        yield
    except AgentError as error:
        raise to_litellm(error, call, secrets) from error


def to_litellm(
    error: AgentError, call: Mapping[str, Any], secrets: tuple[str, ...] = (), *, in_stream: bool = False
) -> Exception:
    """The LiteLLM exception for `error`, with no secret in its text.

    What breaks inside an open stream is an `APIConnectionError`, as with `openai/`: the head said 200, so
    there is no status to tell. A timeout and a refusal with a 4xx of its own keep theirs.
    """
    error.hide(secrets)
    params = call.get("litellm_params") or {}
    provider = params.get("custom_llm_provider")
    facts: dict[str, Any] = {
        "message": f"CodexAgentException - {error}",
        "model": call.get("model", ""),
        "llm_provider": provider if provider in NAMES else NAME,
    }
    if in_stream and error.status >= 500:
        return exceptions.APIConnectionError(**facts)
    headers = error.headers if isinstance(error, Refused) else {}
    response = httpx.Response(
        error.status, headers=_plain(headers), request=httpx.Request("POST", "http://codex-agent")
    )
    refusal = error.refusal if isinstance(error, Refused) else Refusal("")
    raised: Exception = _of_status(error.status, refusal, facts, response)
    return raised


def _of_status(status: int, refusal: Refusal, facts: dict[str, Any], response: httpx.Response) -> Any:
    make = _of_bad_request(refusal) if status == 400 else _BY_STATUS.get(status)
    raised: Any  # each class has other attributes; what is set here, all readers look for
    if make is not None:
        raised = make(**facts, response=response)
    elif status in _TIMEOUTS:
        raised = exceptions.Timeout(**facts, headers=dict(response.headers), exception_status_code=status)
    else:
        raised = exceptions.APIError(status_code=status, **facts)
    if getattr(raised, "response", None) is None:
        raised.response = response  # the Router reads Retry-After here, of any exception
    if refusal.body:
        raised.body = dict(refusal.body)  # OpenAI's clients read code and param here
    return raised


def _of_bad_request(refusal: Refusal) -> _Make:
    said = f"{refusal.code} {refusal.type} {refusal.message}".lower()
    if any(phrase in said for phrase in _CONTEXT_WINDOW):
        return exceptions.ContextWindowExceededError
    if any(phrase in said for phrase in _CONTENT_POLICY):
        return exceptions.ContentPolicyViolationError
    return exceptions.BadRequestError


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Without what describes the body: this response has none, and httpx would try to unpack it."""
    return {
        name: value for name, value in headers.items() if name.lower() not in ("content-encoding", "content-length")
    }
