"""What is left when loops, threads and forked children have ended: no connection, no warning, no closed loop in use.

Each in a process of its own, where nothing but the provider opens sockets, with Python's warnings of resources on.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ..endpoint import Endpoint
from .calls import hello

ROOT = Path(__file__).parents[2]
LOOPS = 50
# LiteLLM's import and a hundred loops, on a busy machine.
SECONDS = 120
# What Python, aiohttp, asyncio and httpx say of a connection, a session, a transport or a loop.
NEVER = ("nclosed", "loop is closed", "Traceback")

COMMON = f"""
import asyncio, gc, os, sys, litellm, litellm_codex_agent
from concurrent.futures import ThreadPoolExecutor
litellm_codex_agent.register()
endpoint = dict(model="codex-agent/mini", api_base=sys.argv[1])
router = litellm.Router([dict(model_name="agent", litellm_params=endpoint)])
messages = [dict(role="user", content="hi")]

async def ask(number):
    # Whole, a direct stream, the Router's early one, and one that is left at its first chunk.
    if number % 4 == 0:
        return await litellm.acompletion(**endpoint, messages=messages)
    if number % 4 == 2:
        parts = await router.acompletion("agent", messages, stream=True)
    else:
        parts = await litellm.acompletion(**endpoint, messages=messages, stream=True)
    if number % 4 < 3:
        return [part async for part in parts]
    await anext(aiter(parts))
    await parts.aclose()

def loops(number):
    for each in range(number):
        asyncio.run(ask(each))

def left():
    gc.collect()
    files = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    return sum(os.readlink(file).startswith("socket:") for file in files if os.path.islink(file))

def tell(number):
    os.write(1, f"{{number - before}} left\\n".encode())

LOOPS, before = {LOOPS}, left()
"""
ONE_AFTER_THE_OTHER = "loops(LOOPS); tell(left())"
IN_THREADS = """
with ThreadPoolExecutor(8) as threads:
    list(threads.map(loops, [LOOPS // 8 + 1] * 8))
tell(left())
"""
# The child leaves without Python's end: there it would wait for threads of LiteLLM that it does not have.
AFTER_FORK = """
loops(LOOPS)
child = os.fork()
loops(LOOPS)
tell(left())
if not child:
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
# The transport alone: LiteLLM waits for threads of the loop, which a child does not have.
IN_A_COPIED_LOOP = """
from tests.provider.wires import afetch
loop = asyncio.new_event_loop()
ask = lambda: loop.run_until_complete(afetch("aiohttp", sys.argv[1]))
ask()
child = os.fork()
if not child:
    ask()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
ask()
loop.run_until_complete(loop.shutdown_asyncgens())
loop.close()
tell(left())
"""


def told(program: str, endpoint: Endpoint) -> list[str]:
    """What `program` prints; it has to end well, and to be silent of what is not closed."""
    command = [sys.executable, "-W", "always", "-c", COMMON + program, hello(endpoint).base]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if any(word in line for word in NEVER)]
    return done.stdout.splitlines()


@pytest.mark.parametrize("program", [ONE_AFTER_THE_OTHER, IN_THREADS], ids=["one after the other", "in threads"])
def test_fifty_loops_leave_no_connection_and_no_warning(own: Endpoint, program: str) -> None:
    assert told(program, own) == ["0 left"]
    assert own.connections >= LOOPS


def test_loops_of_a_forked_child_and_of_its_parent_leave_none_either(own: Endpoint) -> None:
    assert told(AFTER_FORK, own) == ["0 left", "0 left"]
    assert own.connections >= 3 * LOOPS


def test_a_child_that_goes_on_in_a_copied_loop_has_a_connection_of_its_own(own: Endpoint) -> None:
    assert told(IN_A_COPIED_LOOP, own) == ["0 left"]
    # The parent's one, used again after the child has ended, and the child's.
    assert own.connections == 2
