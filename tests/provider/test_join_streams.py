"""Joining through LiteLLM, from a real endpoint: fewer chunks of an async stream, and everything else as it was."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import litellm
import pytest
from litellm import Router

from ..answers import USAGE, chunk, chunks, error
from ..endpoint import DONE, Connection, Endpoint, Lane, event, stream, stream_then
from .calls import MESSAGES, ask
from .calls import MODES as ALL_MODES
from .routers import router

MODES = ("astreaming", "routed astreaming")
WORDS = [f"word{n} " for n in range(300)]
TOGETHER = b"".join(chunks(*({"content": word} for word in WORDS)))
CLOSE_SECONDS = 5.0


@pytest.fixture
def joining(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEX_AGENT_JOIN_TEXT", "on")


async def opened(lane: Lane, mode: str) -> Any:
    call: dict[str, Any] = {"messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}}
    if mode == "routed astreaming":
        return await router(lane.base).acompletion(model="agent", **call)
    return await litellm.acompletion(model="codex-agent/mini", api_base=lane.base, **call)


async def aread(seen: list[Any], lane: Lane, mode: str) -> None:
    """Put each chunk into `seen` as it comes; raises what the stream raises."""
    async for part in await opened(lane, mode):
        seen.append(part)


def told(lane: Lane, mode: str) -> list[Any]:
    seen: list[Any] = []
    asyncio.run(aread(seen, lane, mode))
    return seen


def contents(parts: list[Any]) -> list[str]:
    return [choice.delta.content for part in parts for choice in part.choices if choice.delta.content]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("joining")
def test_text_that_arrived_together_is_told_in_a_few_chunks(endpoint: Endpoint, mode: str) -> None:
    # A read may end within what was written at once, so a few and not one.
    seen = contents(told(endpoint.lane(stream(TOGETHER)), mode))
    assert "".join(seen) == "".join(WORDS)
    assert len(seen) < 20


@pytest.mark.parametrize("mode", MODES)
def test_text_is_told_as_it_was_sent_unless_joining_is_on(endpoint: Endpoint, mode: str) -> None:
    assert contents(told(endpoint.lane(stream(TOGETHER)), mode)) == WORDS


@pytest.mark.usefixtures("joining")
def test_a_sync_stream_is_told_as_it_was_sent(endpoint: Endpoint) -> None:
    lane = endpoint.lane(stream(TOGETHER))
    parts = litellm.completion("codex-agent/mini", MESSAGES, api_base=lane.base, stream=True)
    assert contents(list(parts)) == WORDS


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("joining")
def test_usage_finish_and_name_are_those_of_a_stream_that_is_not_joined(endpoint: Endpoint, mode: str) -> None:
    parts = told(endpoint.lane(stream(TOGETHER)), mode)
    whole = litellm.stream_chunk_builder(parts)
    assert isinstance(whole, litellm.ModelResponse)
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage.model_dump(include=set(USAGE)) == USAGE  # type: ignore[attr-defined]  # LiteLLM sets it
    assert {part.model for part in parts} == {"mini"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("joining")
def test_nothing_waits_for_more(endpoint: Endpoint, mode: str) -> None:
    go_on = threading.Event()

    def rest(connection: Connection) -> None:
        assert go_on.wait(CLOSE_SECONDS)
        for part in (event(chunk({}, finish="stop")), DONE, b""):
            connection.chunk(part)

    class Seen(list[Any]):
        def append(self, part: Any) -> None:
            super().append(part)
            go_on.set() if "".join(contents(self)) == "".join(WORDS[:9]) else None

    seen = Seen()
    words = b"".join(event(chunk({"content": word})) for word in WORDS[:9])
    asyncio.run(aread(seen, endpoint.lane(stream_then(rest, words)), mode))
    assert seen[-1].choices[0].finish_reason == "stop" or seen[-1].usage


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("last", "said"), [(event(error("fell over")), "fell over"), (event(b"{oops"), "not JSON"), (b"", "was cut")]
)
@pytest.mark.usefixtures("joining")
def test_what_came_before_a_fault_is_told_and_then_the_fault(
    endpoint: Endpoint, mode: str, last: bytes, said: str
) -> None:
    seen: list[Any] = []
    words = b"".join(event(chunk({"content": word})) for word in WORDS[:9])
    with pytest.raises(Exception, match=said):
        asyncio.run(aread(seen, endpoint.lane(stream(words + last)), mode))
    assert "".join(contents(seen)) == "".join(WORDS[:9])


@pytest.mark.parametrize("bridge", ["aresponses", "aanthropic_messages"])
@pytest.mark.usefixtures("joining")
def test_a_bridge_tells_all_of_the_text_in_fewer_events(endpoint: Endpoint, bridge: str) -> None:
    lane = endpoint.lane(stream(TOGETHER))
    asked = {"input": "hi"} if bridge == "aresponses" else {"messages": MESSAGES, "max_tokens": 99}

    async def run() -> list[Any]:
        params = {"model": "codex-agent/mini", "api_base": lane.base}
        models = Router(model_list=[{"model_name": "agent", "litellm_params": params}])
        return [part async for part in await getattr(models, bridge)(model="agent", stream=True, **asked)]

    seen = asyncio.run(run())
    assert len(seen) < 40
    assert "".join(map(text_of, seen)) == "".join(WORDS)


def text_of(part: Any) -> str:
    """The text that an event of a bridge adds."""
    if isinstance(part, bytes):
        _, _, data = part.decode().partition('"text_delta", "text": "')
        return data.partition('"')[0]
    kind = getattr(part.type, "value", part.type)
    return str(part.delta) if kind == "response.output_text.delta" else ""


@pytest.mark.parametrize("mode", ALL_MODES)
def test_a_switch_that_is_neither_on_nor_off_is_a_400_that_says_so(
    endpoint: Endpoint, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEX_AGENT_JOIN_TEXT", "perhaps")
    with pytest.raises(litellm.BadRequestError, match="CODEX_AGENT_JOIN_TEXT is 'perhaps', and has to be on or off"):
        ask(mode, endpoint.lane(stream(TOGETHER)))
