"""Which request, which attempt, whose: the headers by which an agent server runs each request once."""

from __future__ import annotations

import asyncio
from typing import Any

import litellm
import pytest

from litellm_codex_agent.provider.identity import identity_headers

from ..answers import error
from ..endpoint import Endpoint, Lane, reply
from .calls import MODES, ask, hello
from .routers import acall, call, router

OWN_TRACES = [
    {},
    {"metadata": {"session_id": "s1"}},
    {"metadata": {"trace_id": "t1"}},
    {"litellm_session_id": "s1"},
]


def failing(endpoint: Endpoint) -> Lane:
    return endpoint.lane(reply(error("down"), status=500))


def header(lane: Lane, name: str) -> list[str | None]:
    return [asked.headers.get(name) for asked in lane.asked]


def try_three_times(lane: Lane, mode: str, **fields: Any) -> None:
    with pytest.raises(Exception, match="down"):
        call(router(lane.base, lane.base, num_retries=2), mode, **fields)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fields", OWN_TRACES, ids=str)
def test_all_attempts_at_one_request_have_one_key_and_two_requests_have_two(
    endpoint: Endpoint, mode: str, fields: dict[str, Any]
) -> None:
    lane = failing(endpoint)
    for _ in range(2):
        try_three_times(lane, mode, **{name: _copy(value) for name, value in fields.items()})
    keys = header(lane, "idempotency-key")
    assert len(keys) == 6
    assert len(set(keys[:3])) == len(set(keys[3:])) == 1
    assert keys[0] != keys[3]


def _copy(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


@pytest.mark.parametrize("mode", ["acompletion", "astreaming"])
def test_a_trace_id_of_the_callers_own_does_not_make_two_requests_one(endpoint: Endpoint, mode: str) -> None:
    lane = failing(endpoint)
    for _ in range(2):
        try_three_times(lane, mode, litellm_trace_id="session-7")
    keys = header(lane, "idempotency-key")
    assert [keys[0]] * 3 + [keys[3]] * 3 == keys
    assert keys[0] != keys[3]


def test_equal_questions_at_once_with_one_trace_id_are_told_apart(endpoint: Endpoint) -> None:
    lane = failing(endpoint)
    agents = router(lane.base, lane.base, num_retries=1)

    async def both() -> None:
        calls = (acall(agents, "acompletion", litellm_trace_id="session-7") for _ in range(2))
        await asyncio.gather(*calls, return_exceptions=True)

    asyncio.run(both())
    keys = header(lane, "idempotency-key")
    assert sorted(map(keys.count, set(keys))) == [2, 2]


@pytest.mark.parametrize("mode", MODES)
def test_attempt_and_retries_left_are_counted(endpoint: Endpoint, mode: str) -> None:
    lane = failing(endpoint)
    try_three_times(lane, mode)
    assert header(lane, "x-codex-agent-attempt") == ["0", "1", "2"]
    assert header(lane, "x-codex-agent-retries-left") == ["2", "1", "0"]


def test_without_a_router_there_is_one_attempt_and_no_retry_left(endpoint: Endpoint) -> None:
    lane = hello(endpoint)
    ask("acompletion", lane)
    assert header(lane, "x-codex-agent-attempt") == ["0"]
    assert header(lane, "x-codex-agent-retries-left") == ["0"]


def test_the_callers_own_idempotency_key_goes_out_as_it_is(endpoint: Endpoint) -> None:
    lane = hello(endpoint)
    ask("completion", lane, extra_headers={"Idempotency-Key": "mine"})
    assert header(lane, "idempotency-key") == ["mine"]


def of_a_client(sent: dict[str, str], **metadata: Any) -> dict[str, str]:
    """As on a proxy, which keeps the headers of its client's request."""
    params = {"metadata": metadata, "proxy_server_request": {"headers": sent}}
    return identity_headers({"logging_obj": Logging(), "litellm_params": params}, {"a": 1})


def test_the_key_that_a_proxys_client_sent_as_a_header_goes_out_as_it_is() -> None:
    assert of_a_client({"idempotency-key": "mine"})["idempotency-key"] == "mine"


@pytest.mark.parametrize(("count", "attempt"), [("0", "1"), ("2", "3"), ("two", "1"), ("", "1"), ("9" * 40, "1")])
def test_the_tries_of_a_proxys_client_with_a_key_are_attempts_too(count: str, attempt: str) -> None:
    sent = {"idempotency-key": "mine", "x-stainless-retry-count": count}
    seen = of_a_client(sent, attempted_retries=1, max_retries=2)
    assert (seen["x-codex-agent-attempt"], seen["x-codex-agent-retries-left"]) == (attempt, "1")


@pytest.mark.parametrize("key", ["", " ", "x" * 513], ids=["none", "an empty one", "a long one"])
def test_a_key_of_a_proxys_client_that_cannot_go_out_gives_way_to_ours(key: str) -> None:
    seen = of_a_client({"idempotency-key": key, "x-stainless-retry-count": "2"})
    assert (seen["idempotency-key"], seen["x-codex-agent-attempt"]) == (headers()["idempotency-key"], "0")


def test_the_session_goes_out(endpoint: Endpoint) -> None:
    lane = hello(endpoint)
    call(router(lane.base), "acompletion", metadata={"session_id": "s9"})
    call(router(lane.base), "completion", litellm_session_id="s8")
    assert header(lane, "x-codex-agent-session-id") == ["s9", "s8"]


class Logging:
    """What `identity_headers` reads of LiteLLM's logging object."""

    litellm_trace_id = "trace"


def headers(body: dict[str, Any] | None = None, **metadata: Any) -> dict[str, str]:
    return identity_headers({"logging_obj": Logging(), "litellm_params": {"metadata": metadata}}, body or {"a": 1})


def test_the_digest_is_of_what_is_asked_and_not_of_the_model_or_the_way_of_delivery() -> None:
    asked = {"messages": [1], "model": "a"}
    key = headers(asked)["idempotency-key"]
    assert headers({**asked, "model": "b", "stream": True, "stream_options": {}})["idempotency-key"] == key
    assert headers({**asked, "messages": [2]})["idempotency-key"] != key
    assert headers({**asked, "temperature": 0})["idempotency-key"] != key


def test_a_tenant_is_a_hash_of_key_and_end_user_and_never_the_key() -> None:
    one = headers(user_api_key_hash="hashed-key", user_api_key_end_user_id="ann")["x-codex-agent-tenant"]
    other = headers(user_api_key_hash="hashed-key", user_api_key_end_user_id="bob")["x-codex-agent-tenant"]
    assert one != other
    assert "hashed-key" not in one
    assert headers(user_api_key="hashed-key", user_api_key_end_user_id="ann")["x-codex-agent-tenant"] == one


def test_what_is_not_known_is_left_out() -> None:
    assert set(headers()) == {
        "idempotency-key",
        "x-codex-agent-attempt",
        "x-codex-agent-retries-left",
        "x-codex-agent-trace-id",
    }


def test_a_call_without_any_id_has_no_key() -> None:
    assert "idempotency-key" not in identity_headers({"logging_obj": object()}, {})


def test_a_session_name_that_no_header_can_carry_is_left_out() -> None:
    assert "x-codex-agent-session-id" not in headers(session_id="a\r\nX-Evil: 1")


def test_counts_that_are_no_counts_are_read_as_none() -> None:
    seen = headers(attempted_retries="2", max_retries=-1)
    assert (seen["x-codex-agent-attempt"], seen["x-codex-agent-retries-left"]) == ("0", "0")


@pytest.mark.parametrize("mode", MODES)
def test_a_fallback_to_another_group_is_another_run(endpoint: Endpoint, mode: str) -> None:
    lane = failing(endpoint)
    agents = router(lane.base, fallbacks=[{"agent": ["spare"]}])
    params = litellm.LiteLLM_Params(model="codex-agent/mini", api_base=lane.base)
    agents.add_deployment(litellm.Deployment(model_name="spare", litellm_params=params))
    with pytest.raises(Exception, match="down"):
        call(agents, mode)
    keys = header(lane, "idempotency-key")
    assert len(keys) == len(set(keys)) == 2


@pytest.mark.parametrize(
    ("session", "sent"), [(" s1 ", "s1"), ("   ", None), ("x" * 513, None), ("x" * 512, "x" * 512)]
)
def test_a_sessions_name_is_trimmed_and_a_long_one_left_out(session: str, sent: str | None) -> None:
    assert headers(session_id=session).get("x-codex-agent-session-id") == sent
