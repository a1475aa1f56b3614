"""The hook: early streams that leave everything of LiteLLM's as it was."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import litellm
import pytest
from litellm import CustomLLM, CustomStreamWrapper, ModelResponse
from litellm.caching.caching import Cache
from litellm.integrations.custom_logger import CustomLogger

from ..answers import chunk, chunks, completion, error
from ..endpoint import DONE, Connection, Endpoint, Lane, event, reply, stream
from ..parity.versions import lacks
from .calls import MESSAGES, hello, wants_stream
from .routers import Kept, acall, router

CONCURRENT_CALLS = 200


async def text_of(parts: Any) -> str:
    return "".join([part.choices[0].delta.content or "" async for part in parts])


def failing_then_hello(endpoint: Endpoint, status: int) -> Lane:
    return endpoint.lane(reply(error("not yet"), status=status), stream(*chunks({"content": "Hello there"})))


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_a_refused_stream_is_retried_by_the_router(endpoint: Endpoint, status: int) -> None:
    lane = failing_then_hello(endpoint, status)

    async def run() -> str:
        agents = router(lane.base, lane.base, num_retries=1)
        return await text_of(await agents.acompletion(model="agent", messages=MESSAGES, stream=True))

    assert asyncio.run(run()) == "Hello there"
    assert len(lane.asked) == 2


FALLBACKS = [
    ("fallbacks", 401, None),
    ("fallbacks", 422, None),
    ("context_window_fallbacks", 400, "context_length_exceeded"),
    ("content_policy_fallbacks", 400, "content_policy_violation"),
]


@pytest.mark.parametrize(("kind", "status", "code"), FALLBACKS)
def test_a_refused_stream_goes_to_the_fallback(endpoint: Endpoint, kind: str, status: int, code: str | None) -> None:
    lane, spare = endpoint.lane(reply(error("no", code=code), status=status)), hello(endpoint)

    async def run() -> str:
        agents = router(lane.base, **{kind: [{"agent": ["spare"]}]})
        agents.add_deployment(
            litellm.Deployment(
                model_name="spare",
                litellm_params=litellm.LiteLLM_Params(model="codex-agent/mini", api_base=spare.base),
            )
        )
        return await text_of(await agents.acompletion(model="agent", messages=MESSAGES, stream=True))

    assert asyncio.run(run()) == "Hello there"
    assert (len(lane.asked), len(spare.asked)) == (1, 1)


def test_an_early_stream_gives_exactly_one_success_event_with_text_and_usage(endpoint: Endpoint) -> None:
    kept = Kept()
    litellm.callbacks.append(kept)
    lane = hello(endpoint)

    async def run() -> list[Any]:
        await acall(router(lane.base), "astreaming")
        return await kept.told(1, lane.base)

    ((kwargs, response),) = asyncio.run(run())
    assert response.choices[0].message.content == "Hello there"
    assert (response.usage.prompt_tokens, response.usage.completion_tokens) == (11, 7)
    assert kwargs["stream"] is True


class Shout(CustomLogger):
    """A streaming guardrail, reduced to what LiteLLM asks of one."""

    async def async_post_call_streaming_deployment_hook(
        self, request_data: Any, response_chunk: Any, call_type: Any
    ) -> Any:
        for choice in response_chunk.choices:
            if choice.delta.content:
                choice.delta.content = choice.delta.content.upper()
        return response_chunk


def test_what_litellm_hooks_into_streams_acts_as_it_does_for_openai(endpoint: Endpoint) -> None:
    litellm.callbacks.append(Shout())
    texts = []
    for provider in ("openai", "codex-agent"):
        agents = router(hello(endpoint).base, params={"model": f"{provider}/mini"})
        parts = asyncio.run(acall(agents, "astreaming"))
        texts.append("".join(part.choices[0].delta.content or "" for part in parts))
    assert texts[0] == texts[1]


def test_with_litellms_cache_on_a_second_stream_is_a_hit_and_still_a_stream(endpoint: Endpoint) -> None:
    litellm.cache = Cache()
    lane = hello(endpoint)

    async def run() -> list[str]:
        agents, texts = router(lane.base, cache_responses=True), []
        for _ in range(2):
            parts = await agents.acompletion(
                model="agent", messages=[{"role": "user", "content": "cached"}], stream=True
            )
            texts.append(await text_of(parts))
            await asyncio.sleep(0.2)  # LiteLLM fills its cache in a task of its own
        return texts

    assert asyncio.run(run()) == ["Hello there", "Hello there"]
    assert len(lane.asked) == 1


def saying_what_was_asked(endpoint: Endpoint) -> Lane:
    def act(connection: Connection) -> None:
        said = connection.asked.json["messages"][0]["content"]
        if wants_stream(connection.asked):
            stream(*chunks({"content": said}))(connection)
        else:
            reply(completion({"content": said}))(connection)

    return endpoint.lane(act)


def test_200_concurrent_mixed_calls_are_never_mixed_up(endpoint: Endpoint) -> None:
    lane = saying_what_was_asked(endpoint)
    routers = {
        provider: router(lane.base, params={"model": f"{provider}/mini"}) for provider in ("openai", "codex-agent")
    }

    async def one(number: int) -> tuple[str, str, type]:
        of = routers["openai" if number % 2 else "codex-agent"]
        said, streamed = f"question {number}", number % 4 > 1
        answer = await of.acompletion(model="agent", messages=[{"role": "user", "content": said}], stream=streamed)
        if streamed:
            return (
                said,
                await text_of(answer),
                CustomStreamWrapper if isinstance(answer, CustomStreamWrapper) else object,
            )
        return said, answer.choices[0].message.content, type(answer)

    async def run() -> list[tuple[str, str, type]]:
        return await asyncio.gather(*map(one, range(CONCURRENT_CALLS)))

    results = asyncio.run(run())
    assert [said for said, _, _ in results] == [answer for _, answer, _ in results]
    assert Counter(kind for _, _, kind in results) == {CustomStreamWrapper: 100, ModelResponse: 100}


def test_a_direct_stream_with_retries_is_left_to_litellm_and_stays_a_stream(endpoint: Endpoint) -> None:
    lane = failing_then_hello(endpoint, 500)

    async def run() -> None:
        call = {"model": "codex-agent/mini", "messages": MESSAGES, "api_base": lane.base}
        parts = await litellm.acompletion(**call, stream=True, num_retries=3)
        with pytest.raises(Exception, match="not yet"):
            await text_of(parts)

    asyncio.run(run())
    assert len(lane.asked) == 1


def test_a_direct_stream_with_fallbacks_is_still_a_stream(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEX_AGENT_API_BASE", "localhost")  # the first model has no usable address

    async def run() -> str:
        second = {"model": "codex_cli_agent/mini", "api_base": hello(endpoint).base}
        call = {"model": "codex-agent/mini", "messages": MESSAGES, "fallbacks": [second]}
        return await text_of(await litellm.acompletion(**call, stream=True))

    assert asyncio.run(run()) == "Hello there"


@pytest.mark.parametrize("fields", [{"mock_response": "mocked"}, {"mock_delay": 0.01, "mock_response": "mocked"}])
def test_a_mocked_stream_of_a_router_is_still_a_stream(endpoint: Endpoint, fields: dict[str, Any]) -> None:
    lane = hello(endpoint)

    async def run() -> str:
        return await text_of(
            await router(lane.base).acompletion(model="agent", messages=MESSAGES, stream=True, **fields)
        )

    assert asyncio.run(run()) == "mocked"
    assert lane.asked == []


class Changes(CustomLogger):
    """A later hook that gives LiteLLM another dict than the one it got."""

    async def async_pre_call_deployment_hook(self, kwargs: Any, call_type: Any) -> Any:
        return dict(kwargs)


def test_a_hook_after_ours_does_not_break_the_stream(endpoint: Endpoint) -> None:
    litellm.callbacks.append(Changes())
    kept = Kept()
    litellm.callbacks.append(kept)
    lane = hello(endpoint)

    async def run() -> tuple[str, int]:
        parts = await router(lane.base).acompletion(model="agent", messages=MESSAGES, stream=True)
        return await text_of(parts), len(await kept.told(1, lane.base))

    assert asyncio.run(run()) == ("Hello there", 1)


def test_the_hook_twice_among_the_callbacks_does_no_harm(endpoint: Endpoint) -> None:
    litellm.callbacks.append(litellm.callbacks[0])
    parts = asyncio.run(acall(router(hello(endpoint).base), "astreaming"))
    assert "".join(part.choices[0].delta.content or "" for part in parts) == "Hello there"


class Bystander(CustomLLM):
    """Another custom provider in the same process."""

    async def astreaming(self, *args: Any, **call: Any) -> Any:
        yield litellm.ModelResponseStream(id="1", model="m", choices=[{"index": 0, "delta": {"content": "other"}}])


def test_other_providers_streams_are_left_alone(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    entry: Any = {"provider": "bystander", "custom_handler": Bystander()}
    monkeypatch.setattr(litellm, "custom_provider_map", [*litellm.custom_provider_map, entry])
    litellm.utils.custom_llm_setup()
    parts = asyncio.run(acall(router("http://x.test", params={"model": "bystander/m"}), "astreaming"))
    assert "".join(part.choices[0].delta.content or "" for part in parts) == "other"


def test_a_fault_after_the_first_words_is_the_routers_mid_stream_fault(endpoint: Endpoint) -> None:
    lane = endpoint.lane(stream(event(chunk({"content": "Hello"})), event(error("late")), DONE))
    with pytest.raises((litellm.APIConnectionError, litellm.exceptions.MidStreamFallbackError), match="late") as raised:
        asyncio.run(acall(router(lane.base), "astreaming"))
    assert isinstance(raised.value, litellm.APIConnectionError) is not lacks("a fault of a stream as it is")
    assert len(lane.asked) == 1
