"""Which request this is, which attempt at it, and whose: so that an agent runs once however often it is asked.

Where the values live in LiteLLM was measured on 1.90, 1.106.2 and 1.109.1 (docs/reference/identity.md).
Two values in the metadata are ours: the hook writes them before the Router's first attempt.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

__all__ = [
    "ATTEMPT",
    "DEPLOYMENT_RETRIES",
    "IDEMPOTENCY_KEY",
    "REQUEST_ID",
    "RETRIES_LEFT",
    "SESSION",
    "TENANT",
    "TRACE",
    "identity_headers",
    "metadata_of",
]

IDEMPOTENCY_KEY = "idempotency-key"
ATTEMPT = "x-codex-agent-attempt"
RETRIES_LEFT = "x-codex-agent-retries-left"
SESSION = "x-codex-agent-session-id"
TENANT = "x-codex-agent-tenant"
TRACE = "x-codex-agent-trace-id"
STAINLESS_ATTEMPT = "x-stainless-retry-count"

REQUEST_ID = "codex_agent_request_id"
DEPLOYMENT_RETRIES = "codex_agent_deployment_retries"

# A session's name is somebody else's choice; servers refuse a head of a few kilobytes.
MAX_HEADER_CHARS = 512
# No client tries more often.
MAX_COUNT_DIGITS = 4
_DIGEST_CHARS = 24


def metadata_of(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The Router's and the proxy's metadata: under one of two names, by the route that was called."""
    first, second = params.get("metadata") or {}, params.get("litellm_metadata") or {}
    return {**second, **first}


def identity_headers(call: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, str]:
    """The headers that tell an agent server which request it is looking at. Empty values are left out."""
    params: Mapping[str, Any] = call.get("litellm_params") or {}
    metadata = metadata_of(params)
    trace = str(getattr(call["logging_obj"], "litellm_trace_id", None) or params.get("litellm_trace_id") or "")
    attempt = _whole(metadata.get("attempted_retries"))
    retries = _whole(metadata.get("max_retries"))
    if not attempt:
        # A deployment's own retries enter the Router's count with the first failure, too late for the first attempt.
        retries = max(retries, _whole(metadata.get(DEPLOYMENT_RETRIES)))
    request = str(metadata.get(REQUEST_ID) or trace)
    key = f"{request}-{_digest(body, metadata.get('model_group'))}" if request else ""
    clients_key, tried_before = _of_client(params)
    headers = {
        IDEMPOTENCY_KEY: clients_key or key,
        ATTEMPT: str(attempt + tried_before),
        RETRIES_LEFT: str(max(retries - attempt, 0)),
        SESSION: str(params.get("litellm_session_id") or metadata.get("session_id") or ""),
        TENANT: _tenant(metadata),
        TRACE: trace,
    }
    return {name: value.strip() for name, value in headers.items() if _fits_a_header(value)}


def _of_client(params: Mapping[str, Any]) -> tuple[str, int]:
    """The key that a proxy's client sent with its request, and how often it had tried before; most send none.

    LiteLLM keeps a client's headers, and passes none on. The count is that of OpenAI's and Anthropic's own clients.
    """
    headers = (params.get("proxy_server_request") or {}).get("headers") or {}
    key, count = str(headers.get(IDEMPOTENCY_KEY) or ""), str(headers.get(STAINLESS_ATTEMPT) or "")
    if not _fits_a_header(key):
        return "", 0
    return key, int(count) if count.isdecimal() and len(count) <= MAX_COUNT_DIGITS else 0


def _fits_a_header(value: str) -> bool:
    return bool(value.strip()) and value.isprintable() and value.isascii() and len(value) <= MAX_HEADER_CHARS


def _digest(body: Mapping[str, Any], group: object) -> str:
    """Of all that is asked, and of the group that is asked: a fallback to another group is a second run.

    Not of the model's name, which a retry in another deployment changes.
    """
    asked = {name: value for name, value in body.items() if name not in ("model", "stream", "stream_options")}
    asked["model"] = group
    text = json.dumps(asked, sort_keys=True, default=repr, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]


def _tenant(metadata: Mapping[str, Any]) -> str:
    key = metadata.get("user_api_key_hash") or metadata.get("user_api_key") or ""
    user = metadata.get("user_api_key_end_user_id") or ""
    if not key and not user:
        return ""
    return hashlib.sha256(f"{key}\0{user}".encode()).hexdigest()[:_DIGEST_CHARS]


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
