"""Answers, refusals and keys through a real proxy: each registration, each route, streamed and not."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest

from ..answers import USAGE
from .models import MODELS, STATUSES
from .proxy import ASK_SECONDS, MASTER_KEY
from .routes import CHAT, MESSAGES, QUESTION, RESPONSES, Route
from .stand import Stand

pytestmark = pytest.mark.proxy

_USED = (USAGE["prompt_tokens"], USAGE["completion_tokens"])
_EVERY = {"reasoning_effort": "high", "thinking": {"type": "enabled", "budget_tokens": 1024}, "verbosity": "low"}
_EFFORT = {"reasoning_effort": "high"}
_ADAPTIVE = {"thinking": {"type": "adaptive"}}
_SUBTLE = [
    # What a client of that route says, and what the endpoint hears. The translations are LiteLLM's own.
    pytest.param(CHAT, _EVERY, _EVERY, id="chat"),
    pytest.param(RESPONSES, _EVERY, _EVERY, id="responses by chat names"),
    pytest.param(RESPONSES, {"reasoning": {"effort": "high"}}, _EFFORT, id="responses"),
    pytest.param(
        MESSAGES, {**_EFFORT, "verbosity": "low"}, {**_EFFORT, "verbosity": "low"}, id="messages by chat names"
    ),
    pytest.param(MESSAGES, _ADAPTIVE, {"reasoning_effort": "medium"}, id="messages"),
]


def test_an_answer_arrives_with_its_text(stand: Stand, route: Route, streamed: bool) -> None:
    assert stand.ask(route, "text", streamed=streamed).answer.text == "Hello there"


def test_the_usage_is_the_endpoints_own(stand: Stand, route: Route, streamed: bool) -> None:
    assert stand.ask(route, "text", streamed=streamed).answer.usage == _USED


def test_a_tool_call_arrives_with_name_and_arguments(stand: Stand, route: Route, streamed: bool) -> None:
    reply = stand.ask(route, "tools", streamed=streamed, tools=[route.tool])
    assert reply.answer.calls == [("look", {"x": 1})]


def test_a_tool_reaches_the_endpoint(stand: Stand, route: Route, streamed: bool) -> None:
    lane = stand.lane("tools")
    stand.ask(route, "tools", streamed=streamed, tools=[route.tool])
    (tool,) = lane.asked[0].json["tools"]
    assert tool["function"]["name"] == "look"
    assert tool["function"]["parameters"]["properties"] == {"x": {"type": "integer"}}


def test_reasoning_arrives_apart_from_the_text(stand: Stand, route: Route, streamed: bool) -> None:
    answer = stand.ask(route, "reasoning", streamed=streamed).answer
    assert (answer.reasoning, answer.text) == ("two and two", "4")


@pytest.mark.parametrize(("route", "said", "heard"), _SUBTLE)
def test_reasoning_parameters_reach_the_endpoint_unconfigured(
    stand: Stand, route: Route, streamed: bool, said: dict[str, Any], heard: dict[str, Any]
) -> None:
    lane = stand.lane("text")
    stand.ask(route, "text", streamed=streamed, **said)
    assert {**lane.asked[0].json, **heard} == lane.asked[0].json


@pytest.mark.parametrize(
    ("route", "said"),
    [
        pytest.param(RESPONSES, {"text": {"verbosity": "low"}}, id="responses"),
        pytest.param(MESSAGES, {"output_config": {"effort": "high"}}, id="messages"),
    ],
)
def test_what_litellm_drops_it_drops_for_openai_too(stand: Stand, route: Route, said: dict[str, Any]) -> None:
    lane = stand.lane("text")
    stand.ask(route, "text", **said)
    stand.ask(route, "openai-text", **said)
    ours, openais = (asked.json for asked in lane.asked)
    assert ours == openais


@pytest.mark.parametrize("status", STATUSES)
def test_a_refusal_keeps_its_status_and_words(stand: Stand, route: Route, streamed: bool, status: int) -> None:
    reply = stand.ask(route, f"refuses-{status}", streamed=streamed)
    assert reply.status == status
    assert f"scripted refusal {status}" in reply.error


@pytest.mark.parametrize("status", STATUSES)
def test_a_refusal_is_asked_for_once(stand: Stand, route: Route, streamed: bool, status: int) -> None:
    lane = stand.lane(f"refuses-{status}")
    stand.ask(route, f"refuses-{status}", streamed=streamed)
    assert len(lane.asked) == 1


@pytest.mark.parametrize("route", [CHAT, RESPONSES], ids=lambda route: route.name)
def test_retry_after_reaches_the_client(stand: Stand, route: Route, streamed: bool) -> None:
    assert stand.ask(route, "refuses-429", streamed=streamed).headers["llm_provider-retry-after"] == "7"


def test_retry_after_is_shown_where_openai_shows_it(stand: Stand, route: Route, streamed: bool) -> None:
    # LiteLLM 1.106 shows no header of the endpoint with an error of /v1/messages, whoever the provider.
    ours, openais = (stand.ask(route, name, streamed=streamed) for name in ("refuses-429", "openai-refuses-429"))
    assert ours.headers.get("llm_provider-retry-after") == openais.headers.get("llm_provider-retry-after")


def test_the_proxy_lists_its_models(stand: Stand) -> None:
    with stand.proxy.client() as client:
        listed = {model["id"] for model in client.get("/v1/models").json()["data"]}
    assert set(MODELS) < listed


def test_a_wrong_key_is_refused_and_nothing_is_asked(stand: Stand, route: Route, streamed: bool) -> None:
    lane = stand.lane("text")
    with stand.asking(route, "text", streamed=streamed, key="sk-wrong") as response:
        # Without a database LiteLLM cannot look the key up, and says 400.
        assert response.status_code in (400, 401)
    assert lane.asked == []


def test_openais_client_reads_a_stream(stand: Stand) -> None:
    with (
        openai.DefaultHttpxClient(trust_env=False, timeout=ASK_SECONDS) as http,
        openai.OpenAI(base_url=f"{stand.proxy.url}/v1", api_key=MASTER_KEY, http_client=http, max_retries=0) as client,
        client.chat.completions.create(
            model="text", messages=[{"role": "user", "content": QUESTION}], stream=True
        ) as stream,
    ):
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Hello there"


def test_anthropics_client_reads_a_stream(stand: Stand) -> None:
    with (
        anthropic.DefaultHttpxClient(trust_env=False, timeout=ASK_SECONDS) as http,
        anthropic.Anthropic(base_url=stand.proxy.url, api_key=MASTER_KEY, http_client=http, max_retries=0) as client,
        client.messages.stream(model="text", max_tokens=50, messages=[{"role": "user", "content": QUESTION}]) as stream,
    ):
        assert stream.get_final_text() == "Hello there"
