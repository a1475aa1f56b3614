"""Connections are used again, belong to one loop, one process and one setting, and carry nothing from call to call."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from typing import Any

import httpx
import pytest

from litellm_codex_agent.provider.transport import _close

from ..answers import chunks, completion
from ..endpoint import Connection, Endpoint, Lane, hang, reply, stream, stream_then
from .calls import MODES, _ask, ask, hello
from .wires import MODEL, afetch, call, fetch

CALLS = 200
STREAMS = 30
LOOPS = 50
# A connection that we close is seen closed by then, many times over.
LEFT_SECONDS = 2.0


def in_a_row(mode: str, lane: Lane, times: int) -> list[Any]:
    """Replies of calls one after the other; async in one loop."""

    async def row() -> list[Any]:
        return [await _ask(mode, MODEL, call(lane)) for _ in range(times)]

    return asyncio.run(row()) if mode.startswith("a") else [ask(mode, lane) for _ in range(times)]


def all_left(endpoint: Endpoint) -> bool:
    """Whether every connection to the endpoint is closed, soon."""
    gc.collect()
    pause = threading.Event()
    for _ in range(int(LEFT_SECONDS / 0.01)):
        if not endpoint._open:
            return True
        pause.wait(0.01)
    return False


def loops() -> int:
    gc.collect()
    return sum(isinstance(thing, asyncio.AbstractEventLoop) for thing in gc.get_objects())


@pytest.mark.parametrize("mode", ["completion", "acompletion"])
def test_two_hundred_calls_open_one_connection(own: Endpoint, mode: str) -> None:
    in_a_row(mode, hello(own), CALLS)
    assert own.connections == 1


def test_streams_whose_end_arrives_with_done_open_one_connection(own: Endpoint) -> None:
    *parts, done = chunks({"content": "hi"})

    def end_at_once(connection: Connection) -> None:
        connection.send(f"{len(done):x}\r\n".encode() + done + b"\r\n0\r\n\r\n")

    in_a_row("astreaming", own.lane(stream_then(end_at_once, *parts)), STREAMS)
    assert own.connections == 1


def test_streams_whose_end_comes_after_done_share_connections_too(own: Endpoint) -> None:
    def end_later(connection: Connection) -> None:
        threading.Event().wait(0.01)
        connection.chunk(b"")

    in_a_row("astreaming", own.lane(stream_then(end_later, *chunks({"content": "hi"}))), STREAMS)
    # A call may start before the end of the stream before it is here; without waiting for ends it would be all of them.
    assert own.connections < STREAMS / 2


@pytest.mark.parametrize("debug", [False, True])
def test_a_stream_that_never_ends_after_done_is_left_soon(own: Endpoint, debug: bool) -> None:
    lane = own.lane(stream_then(hang(), *chunks({"content": "hi"})))

    async def one() -> bool:
        await _ask("astreaming", MODEL, call(lane))
        return await asyncio.to_thread(lane.left.wait, LEFT_SECONDS)

    assert asyncio.run(one(), debug=debug)


@pytest.mark.parametrize("debug", [False, True])
def test_a_loop_that_ends_right_after_done_leaves_nothing_open(own: Endpoint, debug: bool) -> None:
    lane = own.lane(stream_then(hang(), *chunks({"content": "hi"})))
    assert asyncio.run(_ask("astreaming", MODEL, call(lane)), debug=debug).choices[0].message.content == "hi"
    assert lane.left.wait(LEFT_SECONDS)
    # A reply that is still held would be reported here.
    gc.collect()


def test_fifty_loops_one_after_the_other_leave_no_connection_and_no_loop(own: Endpoint) -> None:
    lane, before = hello(own), loops()
    for _ in range(LOOPS):
        fetch("aiohttp", lane.base)
    assert own.connections == LOOPS
    assert all_left(own)
    assert loops() <= before


def test_fifty_loops_of_litellm_all_answer(endpoint: Endpoint) -> None:
    lane = hello(endpoint)
    for _ in range(LOOPS):
        ask("acompletion", lane)
    assert len(lane.asked) == LOOPS


# Python's own word on a loop that was closed over an open connection; aiohttp and we have none.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_loops_that_are_closed_in_the_middle_leave_no_connection_and_no_loop(own: Endpoint) -> None:
    lane, before = hello(own), loops()
    for _ in range(LOOPS):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(afetch("aiohttp", lane.base))
        loop.close()
    del loop
    fetch("aiohttp", lane.base)
    assert all_left(own)
    assert loops() <= before


@pytest.mark.parametrize("mode", ["completion", "acompletion"])
def test_a_connection_that_the_endpoint_has_closed_is_not_used_again(own: Endpoint, mode: str) -> None:
    def last_words(connection: Connection) -> None:
        reply(completion())(connection)
        connection.keep = False

    lane = own.lane(last_words)

    async def calls() -> None:
        for _ in range(3):
            await _ask("acompletion", MODEL, call(lane))
            # Nothing runs the loop meanwhile, so it does not see the connection close.
            assert all_left(own)

    if mode == "acompletion":
        asyncio.run(calls())
    else:
        assert [all_left(own) for _ in range(3) if ask(mode, lane)] == [True] * 3


@pytest.mark.parametrize("mode", MODES)
def test_a_cookie_of_one_reply_is_not_sent_with_the_next_call(endpoint: Endpoint, mode: str) -> None:
    cookie = {"set-cookie": "tenant=blue; Path=/"}
    act = stream(*chunks({"content": "x"}), headers=cookie) if "stream" in mode else reply(completion(), headers=cookie)
    lane = endpoint.lane(act)
    # By name: a client keeps no cookies of an address, and the test could not fail.
    lane.base = lane.base.replace("127.0.0.1", "localhost")
    in_a_row(mode, lane, 3)
    assert not any("cookie" in asked.headers for asked in lane.asked)


@pytest.mark.parametrize(("pid", "closed"), [(os.getpid(), True), (0, False)])
def test_a_pool_is_closed_at_the_exit_of_the_process_that_made_it(own: Endpoint, pid: int, closed: bool) -> None:
    with httpx.HTTPTransport() as pool:
        pool.handle_request(httpx.Request("POST", hello(own).base, json={})).read()
        _close(pool, pid)
        assert all_left(own) is closed
