"""Each wait has its end: connecting, writing, waiting for the head, silence between two parts."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator
from time import monotonic

import httpx
import litellm
import pytest

from litellm_codex_agent.errors import TimedOut
from litellm_codex_agent.provider.aiohttp_transport import AiohttpAnswer, asend

from ..answers import chunks
from ..endpoint import Connection, Endpoint, hang, stream_then
from .calls import MESSAGES, MODES, ask, hello
from .relays import listening, wall
from .wires import MODEL, SHIPPED, fetch, request

SHORT = 0.3
# The parts of a timeout that must not be the ones that end the wait.
LONG = 20.0
# What a wait that ends too late would have taken at the least.
PATIENCE = 10.0


@pytest.fixture
def unread() -> Iterator[str]:
    """An address that accepts, and reads nothing."""
    enough = threading.Event()
    with listening(lambda _: bool(enough.wait(PATIENCE))) as port:
        yield f"http://127.0.0.1:{port}"
        enough.set()


@pytest.mark.parametrize("mode", ["completion", "acompletion", "streaming"])
def test_a_silent_endpoint_is_a_timeout(endpoint: Endpoint, mode: str) -> None:
    with pytest.raises(litellm.Timeout, match="too slow to answer"):
        ask(mode, endpoint.lane(hang()), timeout=SHORT)


@pytest.mark.parametrize("mode", ["completion", "acompletion", "streaming"])
def test_an_address_that_never_connects_is_a_timeout(mode: str) -> None:
    with wall() as url, pytest.raises(litellm.Timeout, match="too slow to connect"):
        ask(mode, None, api_base=url, timeout=SHORT)


@pytest.mark.parametrize("mode", ["streaming", "astreaming"])
def test_silence_between_two_chunks_is_a_timeout(endpoint: Endpoint, mode: str) -> None:
    lane = endpoint.lane(stream_then(hang(), *chunks({"content": "a"})[:2]))
    with pytest.raises(litellm.Timeout, match="too slow to answer"):
        ask(mode, lane, timeout=SHORT)
    assert lane.left.wait(PATIENCE)


@pytest.mark.parametrize("mode", ["streaming", "astreaming"])
def test_comments_keep_a_stream_alive(endpoint: Endpoint, mode: str) -> None:
    *parts, done = chunks({"content": "at last"})

    def beat(connection: Connection) -> None:
        for _ in range(10):
            connection.chunk(b": still here\n\n")
            threading.Event().wait(0.1)
        for part in (*parts, done, b""):
            connection.chunk(part)

    assert ask(mode, endpoint.lane(stream_then(beat)), timeout=SHORT).choices[0].message.content == "at last"


@pytest.mark.parametrize("mode", MODES)
def test_the_timeout_of_a_stream_is_not_one_for_all_of_it(endpoint: Endpoint, mode: str) -> None:
    assert ask(mode, hello(endpoint), timeout=httpx.Timeout(LONG, read=PATIENCE)).choices


@pytest.mark.parametrize("way", SHIPPED)
def test_the_connect_part_holds_for_connecting(way: str) -> None:
    started = monotonic()
    with wall() as url, pytest.raises(TimedOut, match="too slow to connect"):
        fetch(way, url, timeout=httpx.Timeout(LONG, connect=SHORT))
    assert monotonic() - started < PATIENCE


@pytest.mark.parametrize("way", SHIPPED)
def test_the_read_part_holds_for_the_answer(endpoint: Endpoint, way: str) -> None:
    started = monotonic()
    with pytest.raises(TimedOut, match="too slow to answer"):
        fetch(way, endpoint.lane(hang()).base, timeout=httpx.Timeout(LONG, read=SHORT))
    assert monotonic() - started < PATIENCE


@pytest.mark.parametrize("way", SHIPPED)
def test_the_pool_part_cuts_no_connection_that_takes_its_time(endpoint: Endpoint, way: str) -> None:
    assert fetch(way, hello(endpoint).base, timeout=httpx.Timeout(LONG, pool=0.00001)).status == 200


@pytest.mark.parametrize("way", SHIPPED)
def test_no_timeout_at_all_is_allowed(endpoint: Endpoint, way: str) -> None:
    long = {"messages": "x" * 100_000}
    assert fetch(way, hello(endpoint).base, timeout=httpx.Timeout(None), body=long).status == 200


# aiohttp closes a connection only after what was written, and here the loop ends before: Python says so.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("way", SHIPPED)
def test_a_body_that_is_not_read_is_a_timeout(unread: str, way: str) -> None:
    started = monotonic()
    with pytest.raises(TimedOut, match="too slow to answer"):
        fetch(way, unread, timeout=httpx.Timeout(SHORT), body={"messages": "x" * 20_000_000})
    assert monotonic() - started < PATIENCE
    gc.collect()


@pytest.mark.parametrize("mode", ["streaming", "astreaming"])
def test_the_time_between_two_parts_counts_and_not_the_time_of_all(endpoint: Endpoint, mode: str) -> None:
    *parts, done = chunks(*({"content": word} for word in "abcdefgh"))

    def slow(connection: Connection) -> None:
        for part in (*parts, done, b""):
            threading.Event().wait(SHORT / 4)
            connection.chunk(part)

    assert ask(mode, endpoint.lane(stream_then(slow)), timeout=SHORT).choices[0].message.content == "abcdefgh"


def test_a_caller_that_takes_its_time_is_no_silence_of_the_endpoint(endpoint: Endpoint) -> None:
    role, first, *rest = chunks({"content": "a"}, {"content": "b"})

    def late(connection: Connection) -> None:
        threading.Event().wait(SHORT * 1.5)
        for part in (*rest, b""):
            connection.chunk(part)

    async def read() -> str:
        call = {"api_base": endpoint.lane(stream_then(late, role + first)).base, "messages": MESSAGES}
        heard = ""
        async for part in await litellm.acompletion(model=MODEL, **call, stream=True, timeout=SHORT):
            heard += part.choices[0].delta.content or ""
            await asyncio.sleep(SHORT * 2)
        return heard

    assert asyncio.run(read()) == "ab"


def test_an_answer_that_is_dropped_unread_leaves_no_alarm(endpoint: Endpoint) -> None:
    async def drop() -> object:
        answer = await asend(request(endpoint.lane(stream_then(hang(), *chunks({"content": "a"}))).base))
        assert isinstance(answer, AiohttpAnswer)
        alarm = weakref.ref(answer._silence)
        del answer
        await asyncio.sleep(0)
        gc.collect()
        return alarm()

    assert asyncio.run(drop()) is None
