"""What runs leave behind in their server: nothing that grows from run to run, once their process has ended.

Each run leaves an environment in Codex's process, with an open connection, as long as that process lives.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from litellm_codex_agent.backends.codex.process import MOST_RUNS

from ..endpoint import Endpoint, Lane
from ..responses_endpoint import conversations, say, shell, turn
from .house import Codex, Scripts, chat, come, many, served

RUNS = 100
pytestmark = pytest.mark.skipif(not many(0, 1), reason="takes minutes: asked for by AGENTS=1")
# Of the journal, the log, the pools of connections: they come and go.
OTHERS = 12
MIB = 2**20
# What the allocator keeps, of which the first runs take the most.
MOST_GROWTH = 30 * MIB
AT_ONCE = 8


def descriptors(server: Codex) -> int:
    return len([*Path(f"/proc/{server.process.pid}/fd").iterdir()])


def resident(server: Codex) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


def run(server: Codex, times: int) -> None:
    """So many runs, several of them at once."""
    with ThreadPoolExecutor(AT_ONCE) as threads, server.client() as client:
        asking = [threads.submit(client.post, "/v1/chat/completions", json=chat("some")) for _ in range(times)]
        assert {each.result().status_code for each in asking} == {200}


@pytest.fixture
def lane(endpoint: Endpoint) -> Lane:
    script = [turn(shell("head -c 20000 /dev/urandom | base64; echo x > a")), turn(say("Done."))]
    return endpoint.lane(conversations(Scripts(lambda _: script)))


def test_many_runs_leave_neither_memory_nor_descriptors(lane: Lane, tmp_path: Path) -> None:
    with served(tmp_path, lane, "--idle-seconds", "2") as server:
        run(server, RUNS)
        assert come(lambda: not server.app_servers())
        open_files, memory = descriptors(server), resident(server)
        run(server, RUNS)
        # One for each run, while its process lives.
        assert descriptors(server) < open_files + RUNS + OTHERS
        assert come(lambda: not server.app_servers())
        assert come(lambda: descriptors(server) < open_files + OTHERS)
        assert resident(server) < memory + MOST_GROWTH


def test_a_process_makes_way_for_another_after_its_most_runs(lane: Lane, tmp_path: Path) -> None:
    with served(tmp_path, lane) as server:
        run(server, 1)
        (first,) = server.app_servers()
        run(server, MOST_RUNS + 1)
        (second,) = server.app_servers()
        assert second != first
        assert descriptors(server) < MOST_RUNS
