"""What goes out: all that the caller said, and nothing of LiteLLM's own."""

from __future__ import annotations

from typing import Any

import litellm
import pytest
from litellm import Router

from ..endpoint import Endpoint, Lane
from ..parity.versions import lacks
from .calls import MESSAGES, MODES, ask, hello

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
PARAMS: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.4,
    "n": 1,
    "stop": ["x"],
    "max_completion_tokens": 10,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.1,
    "logit_bias": {"1": 2},
    "user": "u1",
    "seed": 1,
    "tools": TOOLS,
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "response_format": {"type": "json_object"},
    "logprobs": True,
    "top_logprobs": 2,
    "store": True,
    "service_tier": "auto",
    "safety_identifier": "s1",
    "prompt_cache_key": "p1",
    "modalities": ["text"],
    "prediction": {"type": "content", "content": "x"},
    "web_search_options": {},
}


def sent(lane: Lane) -> dict[str, Any]:
    body = lane.asked[-1].json
    assert isinstance(body, dict)
    return body


@pytest.mark.parametrize("mode", MODES)
def test_every_openai_parameter_goes_out_as_it_was_written(endpoint: Endpoint, mode: str) -> None:
    lane = hello(endpoint)
    ask(mode, lane, **PARAMS)
    body = sent(lane)
    assert {name: body[name] for name in PARAMS if name in body} == {k: v for k, v in PARAMS.items() if not lacks(k)}
    assert body["model"] == "mini"


@pytest.mark.parametrize("mode", MODES)
def test_nothing_of_litellms_own_goes_out(endpoint: Endpoint, mode: str) -> None:
    lane = hello(endpoint)
    ask(mode, lane, max_retries=3, num_retries=0, metadata={"a": 1}, allowed_openai_params=["x"], timeout=9)
    known = {"model", "messages", "stream", "stream_options"} if "stream" in mode else {"model", "messages"}
    assert set(sent(lane)) == known


def test_a_request_that_is_not_streamed_says_nothing_of_streams(endpoint: Endpoint) -> None:
    lane = hello(endpoint)
    ask("acompletion", lane, stream=False, stream_options={"include_usage": True})
    assert set(sent(lane)) == {"model", "messages"}


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": False}}])
def test_a_stream_asks_for_its_usage_even_when_the_client_did_not(endpoint: Endpoint, options: dict[str, Any]) -> None:
    lane = hello(endpoint)
    ask("streaming", lane, **options)
    assert sent(lane)["stream_options"] == {"include_usage": True}


def test_max_tokens_and_max_completion_tokens_stay_two(endpoint: Endpoint) -> None:
    lane = hello(endpoint)
    ask("completion", lane, max_tokens=11)
    assert (sent(lane).get("max_tokens"), sent(lane).get("max_completion_tokens")) == (11, None)
    ask("completion", lane, max_tokens=11, max_completion_tokens=10)
    assert (sent(lane).get("max_tokens"), sent(lane).get("max_completion_tokens")) == (11, 10)


def test_unknown_keys_of_request_deployment_and_extra_body_go_out_as_with_openai(endpoint: Endpoint) -> None:
    bodies = {}
    for provider in ("openai", "codex-agent"):
        lane = hello(endpoint)
        params = {"model": f"{provider}/mini", "api_base": lane.base, "api_key": "sk-x", "own": {"a": 1}}
        router = Router(model_list=[{"model_name": "agent", "litellm_params": {**params, "extra_body": {"gone": 1}}}])
        router.completion(model="agent", messages=MESSAGES, unknown=5, extra_body={"merged": 2})
        bodies[provider] = sent(lane)
    assert bodies["codex-agent"] == bodies["openai"]
    assert bodies["codex-agent"]["own"] == {"a": 1}


def test_our_own_fields_travel_from_the_deployment_and_from_the_request(endpoint: Endpoint) -> None:
    lane = hello(endpoint)
    ask("acompletion", lane, codex_agent={"workspace": "w"})
    assert sent(lane)["codex_agent"] == {"workspace": "w"}


@pytest.mark.parametrize("mode", MODES)
def test_messages_go_out_untouched_and_the_callers_stay_so(endpoint: Endpoint, mode: str) -> None:
    lane = hello(endpoint)
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}}
    messages = [
        {"role": "developer", "content": "rules\u2028"},
        {"role": "user", "content": [{"type": "text", "text": "look"}, picture]},
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {}}]},
        {"role": "tool", "tool_call_id": "1", "content": "found"},
    ]
    before = repr(messages)
    ask(mode, lane, messages=messages)
    assert sent(lane)["messages"] == messages
    assert repr(messages) == before


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_an_authorization_in_extra_headers_wins_over_the_key(endpoint: Endpoint, name: str) -> None:
    lane = hello(endpoint)
    ask("completion", lane, api_key="sk-key", extra_headers={name: "Bearer own", "X-Team": "blue"})
    assert (lane.asked[0].headers["authorization"], lane.asked[0].headers["x-team"]) == ("Bearer own", "blue")


@pytest.mark.parametrize("mode", ["completion", "acompletion"])
def test_hop_by_hop_headers_never_go_out(endpoint: Endpoint, mode: str) -> None:
    lane = hello(endpoint)
    bad = {"Connection": "close", "Transfer-Encoding": "gzip", "Host": "elsewhere", "Content-Length": "1", "TE": "x"}
    ask(mode, lane, extra_headers={**bad, "X-None": None})
    headers = lane.asked[0].headers
    assert headers["host"] in endpoint.url
    assert headers.get("connection", "keep-alive") == "keep-alive"
    assert not {"transfer-encoding", "te", "x-none"} & set(headers)


def test_what_json_cannot_say_is_a_400_and_not_a_guess(endpoint: Endpoint) -> None:
    lane = hello(endpoint)
    with pytest.raises(litellm.BadRequestError, match="cannot be written as JSON"):
        ask("completion", lane, odd=float("nan"))
    assert lane.asked == []


@pytest.mark.parametrize("name", ["reasoning_effort", "verbosity"])
@pytest.mark.parametrize("mode", ["acompletion", "astreaming"])
def test_reasoning_parameters_need_no_configuration_where_a_hook_runs(endpoint: Endpoint, mode: str, name: str) -> None:
    lane = hello(endpoint)
    ask(mode, lane, **{name: "low"})
    assert sent(lane).get(name) == (None if lacks(name) else "low")


def test_thinking_needs_no_configuration_where_a_hook_runs(endpoint: Endpoint) -> None:
    lane = hello(endpoint)
    ask("acompletion", lane, thinking={"type": "enabled", "budget_tokens": 5})
    assert sent(lane)["thinking"] == {"type": "enabled", "budget_tokens": 5}


def test_a_sync_call_needs_the_line_in_the_deployment(endpoint: Endpoint) -> None:
    lane = hello(endpoint)
    with pytest.raises(litellm.UnsupportedParamsError):
        ask("completion", lane, reasoning_effort="low")
    ask("completion", lane, reasoning_effort="low", allowed_openai_params=["reasoning_effort"])
    assert sent(lane)["reasoning_effort"] == "low"
