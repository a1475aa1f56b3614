"""Where an agent's model calls go, and which headers pass between the two. Pure.

Law: what an agent sends is believed to be hostile, so only headers that are known to do no harm go upstream; what
comes back loses what is the connection's own, and what a proxy tells its operator.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import httpx

from ..errors import Misconfigured, without_secrets

__all__ = ["PASSED_ON", "Pairs", "Upstream", "back", "up"]

Pairs = list[tuple[bytes, bytes]]

# What Codex, Claude Code, OpenCode and OpenAI's and Anthropic's libraries send, but for what chooses who pays:
# `openai-organization`, `openai-project`, and all of LiteLLM's.
_UP = frozenset(
    {
        b"accept",
        b"anthropic-beta",
        b"anthropic-version",
        b"content-encoding",
        b"content-type",
        b"conversation_id",
        b"idempotency-key",
        b"openai-beta",
        b"originator",
        b"session-id",
        b"session_id",
        b"thread-id",
        b"user-agent",
        b"version",
        b"x-app",
        b"x-client-request-id",
    }
)
_UP_PREFIXES = (b"x-codex-", b"x-openai-", b"x-stainless-")
# The connection's own (RFC 9110, section 7.6.1), cookies, another way to the same service, and what frames a body
# that httpx has unpacked; the length comes back where nothing was unpacked.
_NEVER_BACK = frozenset(
    {
        b"alt-svc",
        b"connection",
        b"content-encoding",
        b"content-length",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"set-cookie",
        b"set-cookie2",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# Of a LiteLLM proxy: its operator's spend, keys and addresses; and the vendor's headers, cookies among them.
_NEVER_BACK_PREFIXES = (b"x-litellm-", b"llm_provider-")
# So LiteLLM 1.106 tells the vendor's Retry-After, and has none of its own.
PASSED_ON = "llm_provider-retry-after"


@dataclass(frozen=True)
class Upstream:
    """A vendor or a LiteLLM proxy: its address with `/v1`, and its key. `headers` win over the agent's.

    `auth` is the header that carries the key: `Authorization` carries it as a bearer's, any other as it is.
    `verify` and `proxy` are as httpx takes them; the environment is not asked.
    """

    base_url: str
    key: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: str = "Authorization"
    verify: ssl.SSLContext | bool = True
    proxy: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            url = httpx.URL(self.base_url)
        except httpx.InvalidURL as error:
            raise Misconfigured("The address of the model's endpoint is none.") from error
        if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
            raise Misconfigured("The address of the model's endpoint has to look like https://models.example/v1.")
        own = {self.auth: self.key, **self.headers}
        if not all(text.isascii() and text.isprintable() for pair in own.items() for text in pair):
            # Before httpx says so, with the key in its sentence.
            raise Misconfigured(
                "The key or a header of the model's endpoint cannot be sent: it has a line break, or is not ASCII.",
                hint="A key that was read from a file often ends with a line break.",
            )

    def url(self, route: str, query: bytes) -> httpx.URL:
        """Where `route`, which begins with `/v1`, is at this upstream."""
        base = self.base_url.rstrip("/")
        return httpx.URL(base + route.removeprefix("/v1")).copy_with(query=query or None)


def up(upstream: Upstream, sent: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """The headers of the request to `upstream`, of those that the agent sent."""
    bearer = upstream.auth.lower() == "authorization"
    own = {
        # So that the bytes can be read along.
        "accept-encoding": "identity",
        **{name.lower(): value.strip() for name, value in upstream.headers.items()},
        upstream.auth.lower(): f"Bearer {upstream.key}" if bearer else upstream.key,
    }
    ours = [(name.encode(), value.encode()) for name, value in own.items()]
    taken = {name for name, _ in ours}
    kept = [(name.lower(), value) for name, value in sent]
    return [pair for pair in kept if _goes_up(pair[0]) and pair[0] not in taken] + ours


def back(upstream: Upstream, came: httpx.Headers) -> Pairs:
    """The headers of the reply to the agent, of those that came."""
    never = {name.strip().lower().encode() for name in came.get("connection", "").split(",")}
    told = [(name.lower(), value) for name, value in came.raw]
    kept = [(name, value) for name, value in told if _comes_back(name) and name not in never]
    if "content-encoding" not in came and "transfer-encoding" not in came and "content-length" in came:
        kept.append((b"content-length", came["content-length"].encode()))
    if "retry-after" not in came and PASSED_ON in came:
        kept.append((b"retry-after", came[PASSED_ON].encode("latin-1")))
    return [(name, _veiled(value, upstream.key)) for name, value in kept]


def _veiled(value: bytes, key: str) -> bytes:
    return without_secrets(value.decode("latin-1"), (key,)).encode("latin-1", "replace")


def _goes_up(name: bytes) -> bool:
    return name in _UP or name.startswith(_UP_PREFIXES)


def _comes_back(name: bytes) -> bool:
    return name not in _NEVER_BACK and not name.startswith(_NEVER_BACK_PREFIXES)
