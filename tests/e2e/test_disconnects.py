"""Clients that go away, at any moment and in any manner, from runs that are trees of three real processes.

With no retry left the run and its processes go too; with one left they wait the named time for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from ..backends.program import POLL_SECONDS, Program, running
from ..backends.tree import is_alive, processes_of, runs_that_work
from ..soak import size
from .afterwards import check_journal, run_of
from .figures import Report
from .leaving import MOMENTS, Client, Manner, asking, read_to
from .proxy import until

ALONE, AWAITED, ATTACHED = size(20, 500), size(6, 250), size(6, 50)
# More at once only wait for the two processors.
CLIENTS = 6
RETRY_SECONDS = 2.0
# "Within a second or so" is what is measured; a machine that is busy with other tests gets some more.
GONE_SECONDS = 5.0
# Where a client left before its request was read, there is no run; a server that has read it has begun one by then.
UNREAD_SECONDS = 1.5
MODELS = ("tree", "tree:stubborn")

pytestmark = [pytest.mark.soak]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    settings = {"CODEX_AGENT_RETRY_SECONDS": str(RETRY_SECONDS), "CODEX_AGENT_MAX_RUNS": "16"}
    with running(tmp_path_factory.mktemp("disconnects"), **settings) as program:
        yield program


@pytest.fixture(autouse=True)
def nothing_is_left(server: Program) -> Iterator[None]:
    """After each test no run lives, and none has a process."""
    yield
    records = check_journal(server.state)
    assert records and not runs_that_work() & {record.id for record in records}


Scene = Callable[[Program, Client, Random], "float | None"]


def played(server: Program, scene: Scene, count: int) -> list[float]:
    """What each of so many plays of `scene` measured, some of them at a time."""

    def play(number: int) -> float | None:
        chance = Random(f"{scene.__name__} {number}")
        return scene(server, Client(server.url, chance.choice(MODELS)), chance)

    with ThreadPoolExecutor(CLIENTS) as threads:
        return [seconds for seconds in threads.map(play, range(count)) if seconds is not None]


def gone_after(server: Program, client: Client) -> float | None:
    """The seconds from the leaving to the end of the run and its processes; None where it left unread."""
    deadline = time.monotonic() + GONE_SECONDS + RETRY_SECONDS
    while (run := run_of(server.state, client.key)) is None or run.ended is None:
        if run is None and time.time() > client.left + UNREAD_SECONDS:
            return None
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)
    assert run.stopped_reason == "client_disconnected"
    if processes_of(run.id):  # a process that was killed dies when it gets a processor
        assert until(lambda: not processes_of(run.id), GONE_SECONDS)
        return time.time() - client.left
    closed = [entry["at"] for entry in server.ledger.entries(client.key, "closed")]
    return max(run.ended, *closed) - client.left if closed else run.ended - client.left


def alone(server: Program, client: Client, chance: Random) -> float | None:
    client.go(Manner.any(chance))
    return gone_after(server, client)


def awaited(server: Program, client: Client, chance: Random) -> float | None:
    client.go(Manner.any(chance), retries=1)
    return gone_after(server, client)


def attached(server: Program, client: Client, chance: Random) -> float | None:
    """The second attempt comes in time, stays longer than anybody would have waited for it, and goes."""
    client.go(Manner.any(chance), retries=1)
    over = client.left + RETRY_SECONDS
    time.sleep(chance.uniform(0.0, RETRY_SECONDS / 3))
    with asking(client, True, attempt=1, retries=0) as connection:
        read_to(connection, MOMENTS["in mid-stream"])
        time.sleep(max(0.0, over + 0.3 - time.time()))
        (started,) = server.ledger.entries(client.key, "started")
        assert all(is_alive(pid) for pid in started["pids"])
        client.left = time.time()
    return gone_after(server, client)


def test_with_no_retry_left_the_run_and_its_processes_go_at_once(server: Program, report: Report) -> None:
    seconds = played(server, alone, ALONE)
    assert len(seconds) > ALONE / 2 and max(seconds) < GONE_SECONDS
    report("gone after a disconnect with no retry left", seconds)


def test_with_a_retry_left_they_wait_the_named_time_for_it(server: Program, report: Report) -> None:
    seconds = played(server, awaited, AWAITED)
    assert len(seconds) > AWAITED / 2 and max(seconds) < RETRY_SECONDS + GONE_SECONDS
    assert min(seconds) >= RETRY_SECONDS
    report(f"gone after a disconnect with one retry left, which is waited for {RETRY_SECONDS} s", seconds)


def test_a_retry_in_time_finds_them_at_work_and_takes_them_along(server: Program, report: Report) -> None:
    seconds = played(server, attached, ATTACHED)
    assert len(seconds) == ATTACHED and max(seconds) < GONE_SECONDS
    report("gone after the last attempt went", seconds)
