"""Chat completions as JSON, read strictly: a reply that cannot be used is an error, never an empty answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ..errors import BrokenReply, Misconfigured, Refusal

__all__ = [
    "MAX_ERROR_CHARS",
    "completions_url",
    "error_body",
    "error_type",
    "excerpt",
    "read_object",
    "read_refusal",
    "read_reply",
    "refusal_of",
    "sibling_url",
]

_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}

# An upstream's message is passed on whole up to here: long enough for a stack of validation errors.
MAX_ERROR_CHARS = 8_192
EXCERPT_CHARS = 200
MAX_URL_CHARS = 2_048

_ROUTE = "/chat/completions"


def completions_url(base: str) -> str:
    """Where to post: `base` may be a host, end in `/v1`, be the whole route, or carry a path prefix."""
    base = base.strip()
    if not _is_address(base):
        # What is before an @ or behind a ? may be a secret.
        shown = "api_base" if "@" in base else f"api_base {base.partition('?')[0][:EXCERPT_CHARS]!r}"
        raise Misconfigured(
            f"{shown} is not the address of an endpoint.",
            hint="It has to look like http://127.0.0.1:8788 or https://agents.example/v1.",
        )
    parts = urlsplit(base)
    if "@" in parts.netloc:
        raise Misconfigured(
            "api_base holds a user name or password.",
            hint="Leave them out of the address, and set api_key instead.",
        )
    path = parts.path.rstrip("/")
    if not path.endswith(_ROUTE):
        path += _ROUTE if path.endswith("/v1") else "/v1" + _ROUTE
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _is_address(base: str) -> bool:
    try:
        parts = urlsplit(base)
        # urlsplit reads the port when it is asked for it, and drops line ends inside an address.
        readable = parts.port != 0 and base.isprintable() and len(base) <= MAX_URL_CHARS
    except ValueError:
        return False
    return readable and parts.scheme in ("http", "https") and bool(parts.hostname)


def sibling_url(url: str, route: str) -> str:
    """Another route of the same endpoint: `/v1/models` beside the chat route, `/ready` at its root."""
    parts = urlsplit(url)
    root = parts.path.removesuffix(_ROUTE).removesuffix("/v1")
    return urlunsplit((parts.scheme, parts.netloc, root + route, parts.query, ""))


def read_object(body: bytes, *, what: str = "reply") -> dict[str, Any]:
    """A JSON object, or an error that shows how the body begins."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BrokenReply(f"The endpoint's {what} is not JSON: {excerpt(body)}.") from error
    if not isinstance(value, dict):
        raise BrokenReply(f"The endpoint's {what} is not a JSON object: {excerpt(body)}.")
    return value


def read_reply(body: bytes) -> dict[str, Any]:
    """A chat completion with at least one choice, each with its message."""
    reply = read_object(body)
    if reply.get("error"):
        refusal = refusal_of(reply)
        raise BrokenReply(f"The endpoint answered 200 with an error: {refusal.message}")
    choices = reply.get("choices")
    if not isinstance(choices, list) or not choices:
        raise BrokenReply(f"The endpoint's reply has no choices: {excerpt(body)}.")
    for choice in choices:
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            raise BrokenReply(f"A choice in the endpoint's reply has no message: {excerpt(body)}.")
    return reply


def read_refusal(status: int, body: bytes) -> Refusal:
    """What the body of a non-2xx reply says, in whatever shape it came."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and (refusal := refusal_of(value)).message:
        return refusal
    text = body.decode("utf-8", "replace").strip()
    return Refusal(message=_cut(text) or f"The endpoint answered with status {status} and no body.")


def refusal_of(body: Mapping[str, object]) -> Refusal:
    """An error object: OpenAI's `{"error": {...}}`, `{"error": "text"}`, `{"detail": ...}` or `{"message": ...}`."""
    error = body.get("error") or body.get("detail") or body
    if not isinstance(error, Mapping):
        return Refusal(message=_cut(error if isinstance(error, str) else json.dumps(error)), body=dict(body))
    message = error.get("message")
    if not message and error is not body:
        message = json.dumps(error)
    code = error.get("code")
    return Refusal(
        message=_cut(str(message or "")),
        code=str(code or ""),
        type=str(error.get("type") or ""),
        param=str(error.get("param") or ""),
        status=_status(code) or _status(error.get("status")),
        body=dict(error),
    )


def error_type(status: int) -> str:
    """OpenAI's kind of an error, by its status."""
    return _ERROR_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")


def error_body(message: str, *, type: str, code: str = "", param: str = "") -> dict[str, object]:
    """An error as OpenAI's clients read it."""
    return {"error": {"message": message, "type": type, "param": param or None, "code": code or None}}


def _status(value: object) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) == 3:
        value = int(value)
    return value if isinstance(value, int) and 400 <= value <= 599 else None


def excerpt(body: bytes) -> str:
    """How a body begins, quoted, for the sentence that says it is broken."""
    text = body[: EXCERPT_CHARS * 4].decode("utf-8", "replace").strip()[:EXCERPT_CHARS]
    return repr(text) if text else "it is empty"


def _cut(text: str) -> str:
    if len(text) <= MAX_ERROR_CHARS:
        return text
    return f"{text[:MAX_ERROR_CHARS]}… ({len(text) - MAX_ERROR_CHARS:,} characters left out)"
