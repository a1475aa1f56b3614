"""Which headers pass between an agent and its model, and which addresses a model can have."""

from __future__ import annotations

import httpx
import pytest

from litellm_codex_agent.errors import Misconfigured
from litellm_codex_agent.relay.upstream import Upstream, back, up

KEY = "sk-upstream-0123456789abcdef"
OURS = {"accept-encoding": "identity", "authorization": f"Bearer {KEY}"}


def sent(upstream: Upstream, *pairs: tuple[str, str]) -> dict[str, str]:
    raw = up(upstream, [(name.encode(), value.encode()) for name, value in pairs])
    return {name.decode(): value.decode() for name, value in raw}


def came(*pairs: tuple[str, str]) -> dict[str, str]:
    raw = back(Upstream("http://models/v1", KEY), httpx.Headers(list(pairs)))
    return {name.decode(): value.decode() for name, value in raw}


@pytest.mark.parametrize(
    "name",
    ["Content-Type", "accept", "openai-beta", "anthropic-version", "session-id", "X-Codex-Window-Id", "originator"],
)
def test_what_agents_send_for_the_models_sake_goes_up(name: str) -> None:
    assert sent(Upstream("http://models/v1", KEY), (name, "a")) == {name.lower(): "a", **OURS}


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "x-api-key", "api-key", "x-litellm-api-key", "cookie", "host", "content-length"),
        *("connection", "transfer-encoding", "te", "upgrade", "proxy-authorization", "expect", "accept-encoding"),
        *("x-litellm-tags", "x-litellm-customer-id", "openai-organization", "openai-project", "x-forwarded-for"),
    ],
)
def test_keys_the_connections_own_and_what_chooses_who_pays_never_go_up(name: str) -> None:
    assert sent(Upstream("http://models/v1", KEY), (name, "a")) == OURS


def test_the_operators_headers_win_over_the_agents() -> None:
    upstream = Upstream("http://models/v1", KEY, {"OpenAI-Beta": "ours ", "x-litellm-tags": "run"})
    assert sent(upstream, ("openai-beta", "theirs")) == {"openai-beta": "ours", "x-litellm-tags": "run", **OURS}


def test_the_key_goes_up_in_the_header_that_the_upstream_takes() -> None:
    assert sent(Upstream("http://models/v1", KEY, auth="X-Api-Key")) == {
        "accept-encoding": "identity",
        "x-api-key": KEY,
    }


def test_what_comes_back_is_told_but_for_the_connections_own_and_the_proxys() -> None:
    kept = [("Content-Type", "a"), ("x-request-id", "b"), ("x-codex-used", "c")]
    dropped = ["set-cookie", "alt-svc", "connection", "keep-alive", "x-litellm-key-spend", "llm_provider-set-cookie"]
    found = came(*kept, *((name, "x-hop") for name in dropped), ("x-hop", "d"))
    assert found == {name.lower(): value for name, value in kept}


def test_a_length_comes_back_only_where_the_bytes_are_as_they_came() -> None:
    assert came(("content-length", "3")) == {"content-length": "3"}
    assert came(("content-length", "3"), ("content-encoding", "gzip")) == {}
    assert came(("content-length", "3"), ("transfer-encoding", "chunked")) == {}


def test_a_wait_that_a_proxy_passes_on_comes_back_as_its_own() -> None:
    assert came(("llm_provider-retry-after", "7")) == {"retry-after": "7"}
    assert came(("llm_provider-retry-after", "7"), ("retry-after", "3")) == {"retry-after": "3"}


def test_no_header_brings_the_key_back() -> None:
    assert came(("x-seen", f"Bearer {KEY}")) == {"x-seen": "Bearer sk-?cdef"}


def test_all_that_a_connection_lists_as_its_own_stays() -> None:
    assert came(("connection", "close, X-Hop ,x-other"), ("x-hop", "a"), ("x-other", "b"), ("x-kept", "c")) == {
        "x-kept": "c"
    }


def test_certificates_are_checked_and_no_proxy_is_asked_unless_it_is_said() -> None:
    upstream = Upstream("https://models/v1", KEY, proxy="http://user:secret@proxy")
    assert upstream.verify is True and "secret" not in repr(upstream) and Upstream("http://m", KEY).proxy is None


@pytest.mark.parametrize("base", ["http://models/v1", "http://models/v1/"])
def test_a_route_stands_behind_the_base_with_its_query(base: str) -> None:
    upstream = Upstream(base, KEY)
    assert str(upstream.url("/v1/responses", b"")) == "http://models/v1/responses"
    assert str(upstream.url("/v1/responses", b"a=%2F")) == "http://models/v1/responses?a=%2F"


@pytest.mark.parametrize(
    "base", ["", "models/v1", "ftp://models", "http://", "http://user:secret@models", "http://m/v1?a=b", "http://m:x"]
)
def test_an_address_that_is_none_is_refused_without_what_it_may_hide(base: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Upstream(base, KEY)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("key", "headers"), [(f"{KEY}\n", {}), (KEY, {"x-a": "b\r\nc: d"}), ("schlüssel", {})])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(key: str, headers: dict[str, str]) -> None:
    with pytest.raises(Misconfigured) as refused:
        Upstream("http://models/v1", key, headers)
    assert key.strip() not in str(refused.value)


def test_an_upstream_does_not_show_its_key() -> None:
    assert KEY not in repr(Upstream("http://models/v1", KEY, {"x-key": KEY}))
