"""Many at once, in threads, loops and processes: each gets its own answer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ..answers import chunks, completion
from ..endpoint import Connection, Endpoint, Lane, reply, stream
from .calls import _ask, ask, hello, wants_stream
from .wires import MODEL, call

CROWD = 200
# Longer than any of these takes on a busy machine; a hang fails here and not in the runner.
SECONDS = 30.0
# Two processes and the import of LiteLLM.
FORK_SECONDS = 60.0


def echo(connection: Connection) -> None:
    """Answer with what was asked."""
    message = {"content": connection.asked.json["messages"][-1]["content"]}
    if wants_stream(connection.asked):
        return stream(*chunks(message))(connection)
    return reply(completion(message))(connection)


def said(mode: str, lane: Lane, text: str) -> Any:
    return ask(mode, lane, messages=[{"role": "user", "content": text}]).choices[0].message.content


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
        [sys.executable, "-W", "ignore", "-c", FORK, lane.base],
        capture_output=True,
        text=True,
        timeout=FORK_SECONDS,
        check=False,
    )
    assert (done.returncode, len(lane.asked)) == (0, 7), done.stderr
    # One for both sync calls and the last one of the parent, one for the child's; and one for each loop.
    assert own.connections == 2 + 3
