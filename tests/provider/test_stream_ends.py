"""A stream by itself, with an answer made by hand: however it ends, its connection is closed once."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import httpx
import pytest

from litellm_codex_agent.errors import Misconfigured
from litellm_codex_agent.provider.request import DEFAULT_TIMEOUT_SECONDS, Request, prepare
from litellm_codex_agent.provider.streams import AsyncStream, Stream

from ..answers import chunk
from ..endpoint import event

CALL: dict[str, Any] = {"model": "mini", "litellm_params": {}}


class Logging(SimpleNamespace):
    """What a call tells LiteLLM's logging object."""

    def pre_call(self, **told: Any) -> None:
        self.told = told


def call(**fields: Any) -> dict[str, Any]:
    logging = Logging(model_call_details={}, litellm_trace_id="t1")
    return {"model": "mini", "messages": [], "api_base": "http://agent.test", "logging_obj": logging, **fields}


def request() -> Request:
    return prepare(call(), stream=True)


class Answer:
    """Words, and then what the test wants to happen."""

    status = 200
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, last: BaseException) -> None:
        self._parts: Iterator[bytes] = iter([event(chunk({"content": "Hello"}))])
        self._last = last
        self.closed = 0

    def part(self) -> bytes:
        for part in self._parts:
            return part
        raise self._last

    def close(self, *, ended: bool = False) -> None:
        self.closed += 1


class AsyncAnswer(Answer):
    async def part(self) -> bytes:  # type: ignore[override]
        return super().part()

    async def close(self, *, ended: bool = False) -> None:  # type: ignore[override]
        super().close(ended=ended)


def test_an_interrupt_while_a_sync_stream_is_read_closes_it_and_goes_on() -> None:
    answer = Answer(KeyboardInterrupt())
    stream = Stream(request(), CALL, lambda _: answer)
    assert next(iter(stream)).choices[0].delta.content == "Hello"
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert answer.closed == 1


def test_a_cancel_while_an_async_stream_is_read_closes_it_and_goes_on() -> None:
    answer = AsyncAnswer(asyncio.CancelledError())

    async def send(_: Request) -> Any:
        return answer

    async def run() -> None:
        stream = AsyncStream(request(), CALL, send)
        await anext(stream)
        with pytest.raises(asyncio.CancelledError):
            await anext(stream)

    asyncio.run(run())
    assert answer.closed == 1


def test_an_interrupt_while_a_stream_is_opened_goes_on() -> None:
    def send(_: Request) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Stream(request(), CALL, send).open()


def test_a_cancel_while_an_async_stream_is_opened_goes_on() -> None:
    async def send(_: Request) -> Any:
        raise asyncio.CancelledError

    async def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            await AsyncStream(request(), CALL, send).open()

    asyncio.run(run())


def test_a_timeout_that_is_none_is_a_400_that_says_so() -> None:
    with pytest.raises(Misconfigured, match="timeout is 'soon'"):
        prepare(call(timeout="soon"), stream=False)


class Created(Answer):
    status = 201


def test_any_2xx_may_open_a_stream() -> None:
    stream = Stream(request(), CALL, lambda _: Created(KeyboardInterrupt())).open()
    assert next(stream).choices[0].delta.content == "Hello"


def test_a_sync_stream_that_is_dropped_unread_is_closed() -> None:
    answer = Answer(KeyboardInterrupt())
    stream = Stream(request(), CALL, lambda _: answer).open()
    del stream
    gc.collect()
    assert answer.closed == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, httpx.Timeout(DEFAULT_TIMEOUT_SECONDS)),
        (3, httpx.Timeout(3.0)),
        ("2.5", httpx.Timeout(2.5)),
        (httpx.Timeout(1, connect=2), httpx.Timeout(1, connect=2)),
    ],
    ids=str,
)
def test_a_timeout_comes_in_every_shape(given: Any, expected: httpx.Timeout) -> None:
    assert prepare(call(timeout=given), stream=False).timeout == expected
