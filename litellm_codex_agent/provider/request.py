"""What a call becomes on the wire: address, headers, body, and the settings of its connection. Nothing is sent here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import httpx
import litellm

from .. import settings
from .._version import __version__
from ..errors import Misconfigured, mask
from ..wire.chat import completions_url
from .identity import ATTEMPT, RETRIES_LEFT, TENANT, identity_headers
from .stamp import Stamp

__all__ = ["NAMES", "Request", "prepare"]

NAME = "codex-agent"
NAMES = (NAME, "codex_cli_agent")

# LiteLLM passes a timeout with every call; this one holds where a caller reaches the handler without it.
DEFAULT_TIMEOUT_SECONDS = 600.0

# What belongs to LiteLLM and says nothing to an endpoint.
_NOT_SENT = frozenset(
    {"max_retries", "extra_body", "extra_headers", "stream", "stream_options", "allowed_openai_params"}
)
# What LiteLLM renames or drops on the way to a custom provider, and keeps as the caller wrote it.
_AS_WRITTEN = ("user", "max_tokens", "max_completion_tokens")
# A header of such a name is a key, whatever the endpoint calls it. Not "key" alone: idempotency-key is none.
_SECRET = re.compile("auth|api-key|apikey|token|secret|cookie")
_NOT_THE_CALLERS = frozenset(
    {
        # Whose run it is, and how often it was tried, is for LiteLLM to say: a proxy's client could name another.
        ATTEMPT,
        RETRIES_LEFT,
        TENANT,
        # RFC 9110, 7.6.1: these speak of one connection. The client that makes the connection writes them.
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True)
class Request:
    """One call, ready to be posted, with what its answer will need."""

    url: str
    headers: dict[str, str] = field(repr=False)
    body: dict[str, Any] = field(repr=False)
    model: str
    provider: str
    timeout: httpx.Timeout
    tls: bool | str
    logging: Any = field(repr=False)
    params: Mapping[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    client: object = field(default=None, repr=False)
    join_text: bool = False
    method: str = "POST"
    stamp: Stamp = field(default_factory=Stamp, repr=False, compare=False)

    @property
    def content(self) -> bytes:
        """The body as bytes; what JSON cannot say is an error, not a guess."""
        if self.method == "GET":
            return b""
        try:
            return json.dumps(self.body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise Misconfigured(f"The request cannot be written as JSON: {error}.") from error

    @property
    def shown_headers(self) -> dict[str, str]:
        """The headers as callbacks and logs may see them."""
        return {name: _shown(name, value) for name, value in self.headers.items()}


def prepare(call: Mapping[str, Any], *, stream: bool) -> Request:
    """The request for a call as LiteLLM hands it over. Raises `Misconfigured` before anything is sent."""
    config = _settings()
    if not config.enabled:
        raise Misconfigured("The codex-agent provider is switched off.", hint=f"Set {settings.GATE}=1 to switch it on.")
    base = call.get("api_base") or config.api_base
    if not base:
        raise Misconfigured(
            "No endpoint is set for codex-agent.",
            hint=f"Set api_base in the deployment's litellm_params, or {settings.API_BASE}=http://127.0.0.1:8788.",
        )
    params: Mapping[str, Any] = call.get("litellm_params") or {}
    key = call.get("api_key") or config.api_key
    body = _body(call, stream=stream)
    headers = {**identity_headers(call, body), **_headers(call, key, stream=stream)}
    return Request(
        url=_url(str(base)),
        headers=headers,
        body=body,
        model=call["model"],
        provider=params.get("custom_llm_provider") or NAME,
        timeout=_timeout(call.get("timeout")),
        tls=_tls(params),
        logging=call["logging_obj"],
        params=params,
        secrets=_secrets(key, headers),
        client=call.get("client"),
        join_text=config.join_text,
    )


def _settings() -> settings.ProviderSettings:
    try:
        return settings.provider()
    except settings.Unusable as error:
        raise Misconfigured(str(error)) from error


_url = lru_cache(maxsize=256)(completions_url)


def _body(call: Mapping[str, Any], *, stream: bool) -> dict[str, Any]:
    given: Mapping[str, Any] = call.get("optional_params") or {}
    written = call["logging_obj"].model_call_details
    body = {"model": call["model"], "messages": call["messages"]}
    body.update((name, value) for name, value in given.items() if name not in _NOT_SENT)
    for name in _AS_WRITTEN:
        body.pop(name, None)
        if written.get(name) is not None:
            body[name] = written[name]
    body.update(given.get("extra_body") or {})
    if stream:
        # Without usage LiteLLM would estimate it, and an agent's spend is far from its words.
        body["stream"] = True
        body["stream_options"] = {**(given.get("stream_options") or {}), "include_usage": True}
    return body


def _headers(call: Mapping[str, Any], key: str, *, stream: bool) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream" if stream else "application/json",
        "user-agent": f"litellm-codex-agent/{__version__}",
    }
    if key:
        headers["authorization"] = f"Bearer {key}"
    for source in (call.get("headers"), (call.get("optional_params") or {}).get("extra_headers")):
        headers.update(
            (name.lower(), str(value))
            for name, value in (source or {}).items()
            if value is not None and name.lower() not in _NOT_THE_CALLERS
        )
    return headers


def _shown(name: str, value: str) -> str:
    if not _SECRET.search(name):
        return value
    scheme, space, key = value.rpartition(" ")
    return f"{scheme}{space}{mask(key)}"


def _timeout(value: object) -> httpx.Timeout:
    if isinstance(value, httpx.Timeout):
        return value
    try:
        seconds = float(value) if isinstance(value, (int, float, str)) else DEFAULT_TIMEOUT_SECONDS
    except ValueError as error:
        raise Misconfigured(f"timeout is {value!r}, and has to be a number of seconds.") from error
    return httpx.Timeout(seconds)


def _tls(params: Mapping[str, Any]) -> bool | str:
    chosen = params.get("ssl_verify")
    if chosen is None and litellm.ssl_verify is not True:
        chosen = litellm.ssl_verify
    return settings.tls_verification(chosen)


def _secrets(key: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    sent = headers.get("authorization", "")
    return tuple({value for value in (key, sent, sent.partition(" ")[2]) if value})
