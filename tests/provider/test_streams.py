"""Streams: live, whole, told when they break, and closed by whoever leaves."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import litellm
import pytest

from .. import answers
from ..answers import chunk, chunks, error
from ..endpoint import DONE, Connection, Endpoint, Lane, event, hang, reply, stream, stream_then
from .calls import MESSAGES
from .routers import router

MODES = ("streaming", "astreaming", "routed streaming", "routed astreaming")
HELLO = event(chunk({"content": "Hello"}))
# Loopback and a thread: at once, unless the machine is very busy.
CLOSE_SECONDS = 5.0


def read(lane: Lane, mode: str, seen: list[str], **fields: Any) -> None:
    """Put each piece of text into `seen` as it comes; raises what the stream raises."""
    if not mode.endswith("astreaming"):
        for part in opened(lane, mode, **fields):
            seen.extend(choice.delta.content for choice in part.choices if choice.delta.content)
        return

    async def run() -> None:
        async for part in await opened(lane, mode, **fields):
            seen.extend(choice.delta.content for choice in part.choices if choice.delta.content)

    asyncio.run(run())


def opened(lane: Lane, mode: str, **fields: Any) -> Any:
    call: dict[str, Any] = {"messages": MESSAGES, "stream": True, **fields}
    if mode.startswith("routed"):
        of = router(lane.base)
        return (of.acompletion if mode.endswith("astreaming") else of.completion)(model="agent", **call)
    of_litellm = litellm.acompletion if mode == "astreaming" else litellm.completion
    return of_litellm(model="codex-agent/mini", api_base=lane.base, **call)


@pytest.mark.parametrize("mode", MODES)
def test_the_first_token_is_told_before_the_second_is_sent(endpoint: Endpoint, mode: str) -> None:
    go_on = threading.Event()

    def rest(connection: Connection) -> None:
        assert go_on.wait(CLOSE_SECONDS)
        for part in (event(chunk({}, finish="stop")), DONE, b""):
            connection.chunk(part)

    class Seen(list[str]):
        def extend(self, values: Any) -> None:
            super().extend(values)
            go_on.set() if self else None

    seen = Seen()
    read(endpoint.lane(stream_then(rest, HELLO)), mode, seen)
    assert "".join(seen) == "Hello"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("last", "words"),
    [
        ([event(error("the agent fell over")), DONE], "the agent fell over"),
        ([b"event: error\n" + event({"message": "by name"}), DONE], "by name"),
        ([event(b"{oops"), DONE], "not JSON"),
        ([event([1]), DONE], "not a JSON object"),
        ([event({**chunk({}), "choices": "none"}), DONE], "no list of objects"),
        ([event({**chunk({}), "choices": [{"delta": 5}]}), DONE], "delta that is not an object"),
        ([], "was cut"),
    ],
    ids=["error", "named error", "bad JSON", "no object", "choices", "delta", "cut"],
)
def test_what_came_before_a_fault_is_told_and_then_the_fault(
    endpoint: Endpoint, mode: str, last: list[bytes], words: str
) -> None:
    seen: list[str] = []
    with pytest.raises(Exception, match=words):
        read(endpoint.lane(stream(b"".join([HELLO, *last]))), mode, seen)
    assert seen == ["Hello"]


@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_inside_a_stream_keeps_its_class(endpoint: Endpoint, mode: str) -> None:
    lane = endpoint.lane(stream(HELLO, event(error("who are you", code=401)), DONE))
    with pytest.raises(litellm.AuthenticationError, match="who are you"):
        read(lane, mode, [])


@pytest.mark.parametrize("mode", MODES)
def test_an_event_over_the_limit_is_an_error_that_says_so(endpoint: Endpoint, mode: str) -> None:
    lane = endpoint.lane(stream(HELLO, *[b"data: " + b"x" * 2**20] * 17))
    with pytest.raises(Exception, match="larger than 16,777,216 bytes"):
        read(lane, mode, [])


@pytest.mark.parametrize("mode", MODES)
def test_usage_after_the_finish_is_told_exactly(endpoint: Endpoint, mode: str) -> None:
    lane = endpoint.lane(stream(*chunks({"content": "Hello"})))
    usages = []

    async def run() -> None:
        async for part in await opened(lane, mode, stream_options={"include_usage": True}):
            usages.append(getattr(part, "usage", None))

    if mode.endswith("astreaming"):
        asyncio.run(run())
    else:
        usages = [getattr(part, "usage", None) for part in opened(lane, mode, stream_options={"include_usage": True})]
    assert [usage.model_dump(include=set(answers.USAGE)) for usage in usages if usage] == [answers.USAGE]


def leave_early(lane: Lane, mode: str) -> None:
    if not mode.endswith("astreaming"):
        parts = opened(lane, mode)
        next(iter(parts))
        del parts
        gc.collect()
        return

    async def run() -> None:
        parts = await opened(lane, mode)
        await anext(aiter(parts))
        await parts.aclose()
        assert await asyncio.to_thread(lane.left.wait, CLOSE_SECONDS)

    asyncio.run(run())


@pytest.mark.parametrize("mode", MODES)
def test_a_consumer_that_leaves_closes_the_connection(endpoint: Endpoint, mode: str) -> None:
    lane = endpoint.lane(stream_then(hang(), HELLO, HELLO))
    leave_early(lane, mode)
    assert lane.left.wait(CLOSE_SECONDS)


def test_an_early_stream_that_nobody_reads_is_closed(endpoint: Endpoint) -> None:
    lane = endpoint.lane(stream_then(hang(), HELLO))

    async def run() -> None:
        parts = await opened(lane, "routed astreaming")
        del parts
        gc.collect()
        assert await asyncio.to_thread(lane.left.wait, CLOSE_SECONDS)

    asyncio.run(run())


@pytest.mark.parametrize("mode", ["astreaming", "routed astreaming"])
def test_a_cancelled_reader_closes_the_connection(endpoint: Endpoint, mode: str) -> None:
    lane = endpoint.lane(stream_then(hang(), HELLO))

    async def consume(started: asyncio.Event) -> None:
        async for _ in await opened(lane, mode):
            started.set()

    async def run() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(consume(started))
        await asyncio.wait_for(started.wait(), CLOSE_SECONDS)
        task.cancel()
        assert await asyncio.to_thread(lane.left.wait, CLOSE_SECONDS)

    asyncio.run(run())


def test_a_call_cancelled_before_its_answer_closes_the_connection(endpoint: Endpoint) -> None:
    lane = endpoint.lane(hang())

    async def run() -> None:
        task = asyncio.create_task(opened(lane, "routed astreaming"))
        while not lane.asked:
            await asyncio.sleep(0.01)
        task.cancel()
        assert await asyncio.to_thread(lane.left.wait, CLOSE_SECONDS)

    asyncio.run(run())


@pytest.mark.parametrize("mode", MODES)
def test_a_whole_reply_in_place_of_a_stream_is_shown_as_what_it_is(endpoint: Endpoint, mode: str) -> None:
    lane = endpoint.lane(reply(b"<html>Please log in</html>", headers={"content-type": "text/html"}))
    with pytest.raises(Exception, match="not a stream of events: '<html>Please log in"):
        read(lane, mode, [])
