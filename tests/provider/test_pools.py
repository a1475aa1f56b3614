"""Connections are used again, belong to one loop, one process and one setting, and carry nothing from call to call."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from litellm_codex_agent.provider.transport import _close

from .. import endpoint as scripted
from ..answers import chunks, completion
from ..endpoint import Connection, Endpoint, Lane, hang, reply, stream, stream_then
from .calls import MODES, _ask, ask, hello, wants_stream
from .wires import afetch, fetch

MODEL = "codex-agent/mini"
CALLS = 30
LOOPS = 50
CROWD = 200
# Longer than any of these takes on a busy machine; a hang fails here and not in the runner.
SECONDS = 30.0
# A connection that we close is seen closed by then, many times over.
LEFT_SECONDS = 2.0


@pytest.fixture
def own() -> Iterator[Endpoint]:
    """An endpoint that no other test has connections to."""
    with scripted.running() as endpoint:
        yield endpoint


def call(lane: Lane, text: str = "hi") -> dict[str, Any]:
    return {"api_base": lane.base, "messages": [{"role": "user", "content": text}]}


def in_a_row(mode: str, lane: Lane, times: int) -> list[Any]:
    """Replies of calls one after the other; async in one loop."""

    async def row() -> list[Any]:
        return [await _ask(mode, MODEL, call(lane)) for _ in range(times)]

    return asyncio.run(row()) if mode.startswith("a") else [ask(mode, lane) for _ in range(times)]


def echo(connection: Connection) -> None:
    """Answer with what was asked."""
    message = {"content": connection.asked.json["messages"][-1]["content"]}
    if wants_stream(connection.asked):
        return stream(*chunks(message))(connection)
    return reply(completion(message))(connection)


def said(mode: str, lane: Lane, text: str) -> Any:
    return ask(mode, lane, messages=[{"role": "user", "content": text}]).choices[0].message.content


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
def test_thirty_calls_open_one_connection(own: Endpoint, mode: str) -> None:
    in_a_row(mode, hello(own), CALLS)
    assert own.connections == 1


def test_streams_whose_end_arrives_with_done_open_one_connection(own: Endpoint) -> None:
    *parts, done = chunks({"content": "hi"})

    def end_at_once(connection: Connection) -> None:
        connection.send(f"{len(done):x}\r\n".encode() + done + b"\r\n0\r\n\r\n")

    in_a_row("astreaming", own.lane(stream_then(end_at_once, *parts)), CALLS)
    assert own.connections == 1


def test_streams_whose_end_comes_after_done_share_connections_too(own: Endpoint) -> None:
    in_a_row("astreaming", hello(own), CALLS)
    # A call may start before the end of the stream before it is here; without waiting for ends it would be all of them.
    assert own.connections < CALLS / 2


@pytest.mark.parametrize("debug", [False, True])
def test_a_stream_that_never_ends_after_done_is_left_soon(own: Endpoint, debug: bool) -> None:
    lane = own.lane(stream_then(hang(), *chunks({"content": "hi"})))

    async def one() -> bool:
        await _ask("astreaming", MODEL, call(lane))
        return await asyncio.to_thread(lane.left.wait, LEFT_SECONDS)

    assert asyncio.run(one(), debug=debug)


def test_a_loop_that_ends_right_after_done_leaves_nothing_open(own: Endpoint) -> None:
    lane = own.lane(stream_then(hang(), *chunks({"content": "hi"})))
    assert ask("astreaming", lane).choices[0].message.content == "hi"
    assert lane.left.wait(LEFT_SECONDS)


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


def test_sixteen_threads_are_never_mixed_up(endpoint: Endpoint) -> None:
    lane = endpoint.lane(echo)
    texts = [f"number {n}" for n in range(160)]
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(lambda text: said("completion", lane, text), texts, timeout=SECONDS)) == texts


def test_eight_threads_with_loops_of_their_own_are_never_mixed_up(endpoint: Endpoint) -> None:
    lane = endpoint.lane(echo)
    texts = [f"number {n}" for n in range(40)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda text: said("acompletion", lane, text), texts, timeout=SECONDS)) == texts


@pytest.mark.parametrize("mode", ["acompletion", "astreaming"])
def test_two_hundred_at_once_are_all_at_the_endpoint_together(own: Endpoint, mode: str) -> None:
    together = threading.Barrier(CROWD)

    def meet(connection: Connection) -> None:
        together.wait(SECONDS)
        echo(connection)

    lane = own.lane(meet)

    async def one(n: int) -> Any:
        return (await _ask(mode, MODEL, call(lane, f"number {n}"))).choices[0].message.content

    async def crowd() -> list[Any]:
        return await asyncio.wait_for(asyncio.gather(*map(one, range(CROWD))), SECONDS)

    assert asyncio.run(crowd()) == [f"number {n}" for n in range(CROWD)]


@pytest.mark.parametrize("mode", MODES)
def test_a_cookie_of_one_reply_is_not_sent_with_the_next_call(endpoint: Endpoint, mode: str) -> None:
    cookie = {"set-cookie": "tenant=blue; Path=/"}
    act = stream(*chunks({"content": "x"}), headers=cookie) if "stream" in mode else reply(completion(), headers=cookie)
    lane = endpoint.lane(act)
    in_a_row(mode, lane, 3)
    assert not any("cookie" in asked.headers for asked in lane.asked)


FORK = """
import asyncio, os, sys, litellm, litellm_codex_agent
litellm_codex_agent.register()
call = {"model": "codex-agent/mini", "api_base": sys.argv[1], "messages": [{"role": "user", "content": "hi"}]}
litellm.completion(**call)
asyncio.run(litellm.acompletion(**call))
child = os.fork()
litellm.completion(**call)
asyncio.run(litellm.acompletion(**call))
if not child:
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
litellm.completion(**call)
"""


def test_a_forked_child_and_its_parent_both_go_on(own: Endpoint) -> None:
    lane = hello(own)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, lane.base], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, len(lane.asked)) == (0, 7), done.stderr
    # One for both sync calls and the last one of the parent, one for the child's; and one for each loop.
    assert own.connections == 2 + 3


@pytest.mark.parametrize(("pid", "closed"), [(os.getpid(), True), (0, False)])
def test_a_client_is_closed_at_the_exit_of_the_process_that_made_it(pid: int, closed: bool) -> None:
    with httpx.Client() as client:
        _close(client, pid)
        assert client.is_closed is closed
