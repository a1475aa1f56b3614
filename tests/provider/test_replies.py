"""What comes back: everything the endpoint said, under the name that was asked for, at the right cost."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import litellm
import pytest

from .. import answers
from ..answers import chunk, completion, tool_call
from ..endpoint import DONE, Endpoint, event, reply, stream
from ..parity.versions import lacks
from .calls import MESSAGES, MODES, ask, hello, speaking
from .routers import Kept, acall, router

DETAILS = {
    **answers.USAGE,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 5},
}


@pytest.mark.parametrize("mode", MODES)
def test_usage_comes_back_with_its_details(endpoint: Endpoint, mode: str) -> None:
    asked = {"stream_options": {"include_usage": True}} if "stream" in mode else {}
    usage = ask(mode, speaking(endpoint, {"content": "Hi"}, usage=DETAILS), **asked).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (11, 7, 18)
    assert usage.prompt_tokens_details.cached_tokens == 3
    assert usage.completion_tokens_details.reasoning_tokens == 5


@pytest.mark.parametrize("mode", ["streaming", "astreaming"])
def test_the_usage_of_a_stream_comes_back_without_being_asked_for(endpoint: Endpoint, mode: str) -> None:
    usage = ask(mode, speaking(endpoint, {"content": "Hi"}, usage=DETAILS)).usage
    details = usage.prompt_tokens_details
    comes = (usage.total_tokens, details and details.cached_tokens) == (18, 3)
    assert comes is not lacks(f"usage not asked for, {mode}")


@pytest.mark.parametrize("mode", MODES)
def test_reasoning_comes_back_beside_the_answer(endpoint: Endpoint, mode: str) -> None:
    message = ask(mode, speaking(endpoint, {"content": "4", "reasoning_content": "2+2"})).choices[0].message
    assert (message.content, message.reasoning_content) == ("4", "2+2")


@pytest.mark.parametrize("mode", ["completion", "acompletion"])
def test_several_choices_logprobs_and_unknown_fields_come_back(endpoint: Endpoint, mode: str) -> None:
    body = completion({"content": "a"}, {"content": "b"}, system_fingerprint="fp", codex_agent={"run_id": "r1"})
    body["choices"][1]["logprobs"] = {"content": [{"token": "b", "logprob": -1.0, "bytes": None, "top_logprobs": []}]}
    response = ask(mode, endpoint.lane(reply(body)))
    assert [choice.message.content for choice in response.choices] == ["a", "b"]
    assert response.choices[1].logprobs.content[0].token == "b"
    assert (response.system_fingerprint, response.codex_agent) == ("fp", {"run_id": "r1"})


def test_the_reply_keeps_its_id_and_has_the_name_that_was_asked_for(endpoint: Endpoint) -> None:
    response = ask("completion", hello(endpoint))
    assert (response.id, response.model) == ("chatcmpl-1", "mini")
    assert response._hidden_params["upstream_model"] == "upstream-name"


@pytest.mark.parametrize("mode", ["completion", "acompletion"])
def test_the_endpoints_headers_come_back(endpoint: Endpoint, mode: str) -> None:
    lane = endpoint.lane(reply(completion(), headers={"x-codex-agent-run-id": "r1"}))
    response = ask(mode, lane)
    assert response._response_headers["x-codex-agent-run-id"] == "r1"
    assert response._hidden_params["additional_headers"]["llm_provider-x-codex-agent-run-id"] == "r1"


def test_an_early_streams_headers_come_back(endpoint: Endpoint) -> None:
    lane = endpoint.lane(stream(*answers.chunks({"content": "a"}), headers={"x-codex-agent-run-id": "r1"}))

    async def run() -> Any:
        wrapper = await router(lane.base).acompletion(model="agent", messages=MESSAGES, stream=True)
        async for _ in wrapper:
            pass
        return wrapper._hidden_params["additional_headers"]

    assert asyncio.run(run())["llm_provider-x-codex-agent-run-id"] == "r1"


def chunks_of(endpoint: Endpoint, mode: str, *parts: bytes, **fields: Any) -> list[Any]:
    lane = endpoint.lane(stream(*parts))
    call = {"model": "codex-agent/mini", "messages": MESSAGES, "api_base": lane.base, "stream": True, **fields}
    if mode == "streaming":
        return list(litellm.completion(**call))

    async def run() -> list[Any]:
        return [part async for part in await litellm.acompletion(**call)]

    return asyncio.run(run())


STREAMS = ["streaming", "astreaming"]


@pytest.mark.parametrize("mode", STREAMS)
def test_several_choices_stream_with_a_finish_each(endpoint: Endpoint, mode: str) -> None:
    parts = [chunk({"content": "a"}), chunk({"content": "b"}, index=1), chunk({}, finish="stop")]
    seen = chunks_of(endpoint, mode, *map(event, parts), event(chunk({}, index=1, finish="length")), DONE)
    finishes = [
        (choice.index, choice.finish_reason) for part in seen for choice in part.choices if choice.finish_reason
    ]
    assert finishes == [(1, "length"), (0, "stop")]


@pytest.mark.parametrize("mode", STREAMS)
def test_what_stands_beside_an_empty_list_of_choices_is_not_lost(endpoint: Endpoint, mode: str) -> None:
    last = {**chunk({}), "choices": [], "usage": answers.USAGE, "codex_agent": {"run_id": "r1"}}
    parts = [event(chunk({"content": "a"})), event(chunk({}, finish="stop")), event(last), DONE]
    seen = chunks_of(endpoint, mode, *parts)
    assert [part.codex_agent for part in seen if hasattr(part, "codex_agent")] == [{"run_id": "r1"}]
    assert all(part.choices for part in seen)


@pytest.mark.parametrize("mode", STREAMS)
def test_parallel_tool_calls_stream_with_their_ids_and_indices(endpoint: Endpoint, mode: str) -> None:
    deltas = [tool_call("f", "", id="1"), tool_call("g", "{}", id="2")]
    parts = [event(chunk({"tool_calls": [{"index": n, **part} for n, part in enumerate(deltas)]}))]
    seen = chunks_of(endpoint, mode, *parts, event(chunk({}, finish="tool_calls")), DONE)
    calls = [(call.index, call.id, call.function.name) for call in seen[0].choices[0].delta.tool_calls]
    assert calls == [(0, "1", "f"), (1, "2", "g")]
    assert seen[-1].choices[0].finish_reason == "tool_calls"


PRICE = {"input_cost_per_token": 0.5, "output_cost_per_token": 1.0}
BY_PRICE = 11 * 0.5 + 7 * 1.0
REPORTED = {**answers.USAGE, "cost": 0.25}


async def logged_cost(endpoint: Endpoint, mode: str, usage: dict[str, Any], model: str, **price: Any) -> Any:
    kept = Kept()
    litellm.callbacks.append(kept)
    lane = speaking(endpoint, {"content": "Hi"}, usage=usage)
    params = {**price.pop("params", {}), "model": f"codex-agent/{model}"}
    await acall(router(lane.base, params=params, **price), mode)
    return (await kept.told(1, lane.base))[0][0]["response_cost"]


# On some LiteLLMs a deployment's price outlives it, so a test has a model of its own.
MODELS = (f"priced{number}" for number in count())


@pytest.mark.parametrize("mode", ["acompletion", "astreaming"])
@pytest.mark.parametrize(
    ("usage", "price", "cost"),
    [
        (answers.USAGE, {"params": PRICE}, BY_PRICE),
        (REPORTED, {"params": PRICE}, BY_PRICE),
        (REPORTED, {"info": PRICE}, BY_PRICE),
        (REPORTED, {}, 0.25),
        (answers.USAGE, {}, 0),
        ({**answers.USAGE, "cost": "free"}, {}, 0),
    ],
    ids=["price", "price over report", "info over report", "report", "neither", "a report that is no number"],
)
def test_the_users_price_comes_before_the_cost_that_the_endpoint_reports(
    endpoint: Endpoint, mode: str, usage: dict[str, Any], price: dict[str, Any], cost: float
) -> None:
    if cost == REPORTED["cost"] and mode == "astreaming" and lacks("the cost that an endpoint reports in a stream"):
        cost = 0
    assert asyncio.run(logged_cost(endpoint, mode, usage, next(MODELS), **price)) == pytest.approx(cost)


def test_a_deployments_price_is_not_that_of_another_with_the_same_model(endpoint: Endpoint) -> None:
    async def run() -> Any:
        kept, named = Kept(), {"model": f"codex-agent/{next(MODELS)}"}
        litellm.callbacks.append(kept)
        await acall(router(hello(endpoint).base, params={**PRICE, **named}), "acompletion")
        second = hello(endpoint)
        await acall(router(second.base, params=named), "acompletion")
        return (await kept.told(1, second.base))[0][0]["response_cost"]

    assert (asyncio.run(run()) == 0) is not lacks("a price of its own for each deployment")


@pytest.mark.parametrize("mode", ["acompletion", "astreaming"])
def test_a_registered_price_comes_before_the_cost_that_the_endpoint_reports(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(litellm, "model_cost", dict(litellm.model_cost))
    model = next(MODELS)
    litellm.register_model({f"codex-agent/{model}": {**PRICE, "litellm_provider": "codex-agent", "mode": "chat"}})
    assert asyncio.run(logged_cost(endpoint, mode, REPORTED, model)) == pytest.approx(BY_PRICE)


@pytest.mark.parametrize("mode", ["completion", "acompletion"])
def test_a_reply_that_litellm_cannot_take_is_a_fault_with_a_sentence(endpoint: Endpoint, mode: str) -> None:
    lane = endpoint.lane(reply(completion({"tool_calls": 5})))
    with pytest.raises(litellm.InternalServerError, match="not a chat completion"):
        ask(mode, lane)


@pytest.mark.parametrize("mode", STREAMS)
def test_a_chunk_that_litellm_cannot_take_is_a_fault_with_a_sentence(endpoint: Endpoint, mode: str) -> None:
    with pytest.raises(Exception, match="not one of a chat completion"):
        chunks_of(endpoint, mode, event(chunk({"content": "a"}, system_fingerprint=5)), DONE)
