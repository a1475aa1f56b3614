"""How a turn of Codex ended, as the end of a run: its stop reason, and the failure where it is one. Pure.

Law: what the relay saw of the model's reply wins over what Codex makes of it, which knows no Retry-After and not each
status. "Done" is never said of a turn that failed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...agent.failures import CONTEXT_WINDOW, MAX_SAID_CHARS
from ...errors import Refusal, without_keys
from ...wire.chat import refusal_of
from ..events import Failure

__all__ = ["End", "end_of", "is_cut"]

TurnError = Mapping[str, Any]

# Of a gateway's page, no more than this is looked at for the words that it is made of.
_READ_CHARS = 64 * 1024
# Codex's words (`CodexErrorInfo`) where it tells no status.
_STATUS = {
    "badRequest": 400,
    "contextWindowExceeded": 400,
    "flexUnavailable": 429,
    "inferenceHookDenied": 403,
    "internalServerError": 500,
    "modelNotFound": 404,
    "policyCapacityUnavailable": 503,
    "rateLimitExceeded": 429,
    "serverOverloaded": 503,
    "sessionBudgetExceeded": 429,
    "unauthorized": 401,
    "usageLimitExceeded": 429,
}
_REFUSED = frozenset({"cyberPolicy", "misalignmentPolicyViolation"})
_BAD_REQUEST = 400
_BAD_GATEWAY = 502
_LATE = 504
_CODES = {404: "model_not_found", 429: "rate_limit_exceeded"}
_ANY_CODE = "model_error"
# OpenAI's and LiteLLM's words for a question that is longer than the window, and for one that is not answered.
_TOO_LONG = (CONTEXT_WINDOW, "maximum context length", "context window", "contextwindowexceeded")
_NOT_ANSWERED = ("content_policy_violation", "content_filter", "contentpolicyviolation", "safety system")
_CUT_AT_LIMIT = "reason: max_output_tokens"
_FILTERED = "reason: content_filter"
_IDLE = "idle timeout"
# What Codex puts around an endpoint's words, and the relay's own address among it.
_AROUND = re.compile(r"^unexpected status \d+[^:]*: |,? url: [^\s,]+")
_WAIT = re.compile(r"try again in (\d{1,6}(?:\.\d{1,6})?) ?(ms|s)", re.IGNORECASE)
_ENDS = (".", "!", "?", "…")


@dataclass(frozen=True)
class End:
    """Why a run stopped, and the failure where it is one: the first words of its `Done`."""

    stopped_reason: str = "success"
    failure: Failure | None = None


def end_of(status: str, error: TurnError | None, seen: Failure | None = None) -> End:
    """The end of a turn that nobody has interrupted. No `status`: Codex was gone before it told one.

    `error` is a `TurnError`, and `seen` how the last request to the model failed, as the relay saw it.
    """
    if status == "completed":
        return End()
    if is_cut(error):
        return End("max_tokens")
    if not error and seen is None:
        gone = "stopped its turn by itself" if status == "interrupted" else "ended before its turn did"
        return End("model_error", Failure(_BAD_GATEWAY, f"Codex {gone}, without an answer.", "interrupted"))
    said = _said(error or {}, seen)
    info, told = _info((error or {}).get("codexErrorInfo"))
    found = said.status or told or _STATUS.get(info) or _unnamed(said.message)
    words = f"{said.code} {said.type} {said.message}".lower()
    is_bad = found == _BAD_REQUEST
    if info in _REFUSED or _FILTERED in words or (is_bad and any(word in words for word in _NOT_ANSWERED)):
        return End("refused")
    too_long = info == "contextWindowExceeded" or (is_bad and any(word in words for word in _TOO_LONG))
    # LiteLLM's own errors have their status for a code.
    named = "" if said.code.isdecimal() else said.code
    code = CONTEXT_WINDOW if too_long else named or _CODES.get(found, _ANY_CODE)
    # A limit that is told in a stream has no header, and says in words when to come again.
    header = seen.retry_after if seen is not None else None
    wait = _wait(said.message) if header is None else header
    failure = Failure(_BAD_REQUEST if too_long else found, _sentence(found, said.message), code, wait)
    return End("model_error", failure)


def is_cut(error: TurnError | None) -> bool:
    """Whether the model's answer ended at its length limit: what there is of it is an answer."""
    return _CUT_AT_LIMIT in _message(error or {})


def _said(error: TurnError, seen: Failure | None) -> Refusal:
    """The endpoint's own words. Codex hands on the body of a 400 as it came."""
    if seen is not None:
        return Refusal(seen.message, seen.code, status=seen.status)
    message = _message(error)
    try:
        body = json.loads(message) if message.startswith("{") else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return Refusal(_AROUND.sub("", message).strip())
    refusal = refusal_of(body)
    return Refusal(refusal.message or message, refusal.code, refusal.type, status=refusal.status or _BAD_REQUEST)


def _message(error: TurnError) -> str:
    message = error.get("message")
    return message[:_READ_CHARS] if isinstance(message, str) else ""


def _info(info: object) -> tuple[str, int | None]:
    """Codex's word, and the status that it was told with."""
    if isinstance(info, str):
        return info, None
    if not isinstance(info, dict) or not info:
        return "", None
    word, facts = next(iter(info.items()))
    status = facts.get("httpStatusCode") if isinstance(facts, dict) else None
    return str(word), status if isinstance(status, int) and 400 <= status <= 599 else None


def _unnamed(message: str) -> int:
    return _LATE if _IDLE in message else _BAD_GATEWAY


def _wait(message: str) -> float | None:
    found = _WAIT.search(message)
    if not found:
        return None
    return float(found[1]) / (1000 if found[2].lower() == "ms" else 1)


def _sentence(status: int, said: str) -> str:
    told = " ".join(f"Codex's model failed with status {status}: {without_keys(said) or 'it did not say why'}".split())
    if len(told) >= MAX_SAID_CHARS:
        return f"{told[: MAX_SAID_CHARS - 1]}…"
    return told if told.endswith(_ENDS) else f"{told}."
