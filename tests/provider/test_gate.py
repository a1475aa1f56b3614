"""The gate and the address: what has to be set, told in a sentence, before anything is sent."""

from __future__ import annotations

import litellm
import pytest

from ..endpoint import Endpoint
from .calls import MODES, ask, hello


@pytest.mark.parametrize("mode", MODES)
def test_a_closed_gate_is_a_400_that_names_the_variable(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.delenv("LITELLM_ENABLE_CODEX_AGENT")
    lane = hello(endpoint)
    with pytest.raises(litellm.BadRequestError, match="LITELLM_ENABLE_CODEX_AGENT=1") as raised:
        ask(mode, lane)
    assert raised.value.status_code == 400
    assert lane.asked == []


@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "TRUE", " On "])
def test_these_values_open_the_gate(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LITELLM_ENABLE_CODEX_AGENT", value)
    assert ask("completion", hello(endpoint)).choices[0].message.content == "Hello there"


@pytest.mark.parametrize("value", ["", "0", "false", "no", "off", "maybe", "2"])
def test_other_values_leave_it_closed(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LITELLM_ENABLE_CODEX_AGENT", value)
    with pytest.raises(litellm.BadRequestError, match="switched off"):
        ask("completion", hello(endpoint))


def test_the_gate_is_read_at_each_call(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = hello(endpoint)
    ask("completion", lane)
    monkeypatch.setenv("LITELLM_ENABLE_CODEX_AGENT", "0")
    with pytest.raises(litellm.BadRequestError):
        ask("completion", lane)
    monkeypatch.setenv("LITELLM_ENABLE_CODEX_AGENT", "1")
    ask("completion", lane)
    assert len(lane.asked) == 2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("base", [None, ""])
def test_no_endpoint_at_all_is_a_400_that_says_what_to_set(mode: str, base: str | None) -> None:
    with pytest.raises(litellm.BadRequestError, match="CODEX_AGENT_API_BASE="):
        ask(mode, None, **({} if base is None else {"api_base": base}))


@pytest.mark.parametrize("mode", MODES)
def test_an_address_that_is_none_is_a_400_that_shows_one(mode: str) -> None:
    with pytest.raises(litellm.BadRequestError, match=r"http://127\.0\.0\.1:8788"):
        ask(mode, None, api_base="localhost:8788")


@pytest.mark.parametrize("given", [{}, {"api_base": ""}])
def test_the_environments_address_and_key_hold_where_the_call_has_none(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    lane = hello(endpoint)
    monkeypatch.setenv("CODEX_AGENT_API_BASE", lane.base)
    monkeypatch.setenv("CODEX_AGENT_API_KEY", "sk-from-environment")
    ask("completion", None, api_key="", **given)
    assert lane.asked[0].headers["authorization"] == "Bearer sk-from-environment"


def test_the_calls_own_address_and_key_come_first(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = hello(endpoint)
    monkeypatch.setenv("CODEX_AGENT_API_BASE", "http://127.0.0.1:1")
    monkeypatch.setenv("CODEX_AGENT_API_KEY", "sk-from-environment")
    ask("completion", lane, api_key="sk-from-call")
    assert lane.asked[0].headers["authorization"] == "Bearer sk-from-call"


def test_no_key_at_all_sends_no_authorization(endpoint: Endpoint) -> None:
    lane = hello(endpoint)
    ask("completion", lane)
    assert "authorization" not in lane.asked[0].headers


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_every_way_to_write_the_address_leads_to_the_chat_route(endpoint: Endpoint, end: str) -> None:
    lane = hello(endpoint)
    prefix = lane.base.removesuffix("/v1")
    ask("acompletion", None, api_base=prefix + end)
    assert f"{endpoint.url}{lane.asked[0].path}" == f"{prefix}/v1/chat/completions"
