"""SIGTERM under load: what ends in time is answered whole, what does not is told so, and all of it is still told
after the next start. A second signal ends the server at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..backends.program import Program, running
from ..backends.scripts import Case, Step, act, hang, pause, say, think
from ..backends.tree import processes_of
from ..soak import size
from .afterwards import check_deeds, check_journal, run_of
from .callers import WAYS, Answer, Call, Outcome, ask, ask_all, outcome_of, shown
from .figures import Report
from .leaving import MOMENTS, Client, read_to
from .leaving import asking as open_one
from .proxy import until

RUNS = size(10, 50)
WAITING = 3
DRAIN_SECONDS = size(3, 20)
# How long the runs work that end in time: until all have begun, and not until the drain is over.
WORKS = DRAIN_SECONDS / 3
SETTINGS = {"CODEX_AGENT_MAX_RUNS": str(RUNS), "CODEX_AGENT_DRAIN_SECONDS": str(DRAIN_SECONDS)}
# From the end of the drain to the end of the process: its last bytes are flushed, and its journal closed.
END_SECONDS = 10.0
# The second signal's own limit, and the interpreter's end.
AT_ONCE_SECONDS = 8.0
SOON_SECONDS = 20.0

AGAIN = [act("first"), say("again")]
SHUTDOWN: Outcome = (503, "", "shutdown")
FAILED: Outcome = (422, "", "run_failed")


@dataclass(frozen=True)
class Kind:
    """What a run does, what its client is told while the server drains, and what a retry gets after the next start."""

    steps: list[Step]
    told: Outcome
    retried: Outcome


ENDS = Kind([think("Hm."), pause(WORKS), act("first"), say("in time")], *[(200, "in time", "")] * 2)
STREAMS = Kind([say("in "), pause(WORKS), say("time"), pause(WORKS / 2)], *[(200, "in time", "")] * 2)
THINKS = Kind([think("Hm."), hang()], SHUTDOWN, (200, "again", ""))
ACTS = Kind([act("first"), hang()], FAILED, FAILED)
KINDS = (ENDS, STREAMS, THINKS, ACTS)
# It never starts, so that the fresh run is its first one.
WAITS = Kind([say("late")], SHUTDOWN, (200, "late", ""))


@dataclass(frozen=True)
class Asked:
    call: Call
    kind: Kind


def calls() -> list[Asked]:
    kinds = [KINDS[number % len(KINDS)] for number in range(RUNS)]
    # One way further with each round of kinds, so that each kind is asked for in each way.
    ways = [WAYS[(number + number // len(KINDS)) % len(WAYS)] for number in range(RUNS)]
    working = [Asked(Call(Case(kind.steps, AGAIN), way), kind) for kind, way in zip(kinds, ways, strict=True)]
    return [*working, *(Asked(Call(Case(WAITS.steps), way), WAITS) for way in WAYS[:WAITING])]


@contextmanager
def asking(server: Program, asked: list[Asked]) -> Iterator[list[Future[Answer]]]:
    """All of them at once; the block begins when all that can work do, and the others stand in line."""
    with ThreadPoolExecutor(len(asked)) as threads, server.client() as client:
        working = [threads.submit(ask, server.url, each.call) for each in asked if each.kind is not WAITS]
        assert until(lambda: client.get("/ready").json()["queue"]["running"] == len(working), SOON_SECONDS)
        waiting = [threads.submit(ask, server.url, each.call) for each in asked if each.kind is WAITS]
        assert until(lambda: client.get("/ready").json()["queue"]["waiting"] == len(waiting), SOON_SECONDS)
        yield working + waiting


def test_a_signal_drops_no_result_and_all_is_told_the_same_afterwards(tmp_path: Path, report: Report) -> None:
    asked = calls()
    with running(tmp_path, **SETTINGS) as server, asking(server, asked) as answers:
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        check_while_it_drains(server)
        assert server.wait(DRAIN_SECONDS + END_SECONDS) == 0
        report(f"ended under {RUNS} runs, with {DRAIN_SECONDS} s to drain", [time.monotonic() - began])
        told = [answer.result(SOON_SECONDS) for answer in answers]
    check_told(asked, told)
    with running(tmp_path, **SETTINGS) as server:
        check_told_again(server, asked, told)
    check_deeds(server.ledger)


def check_while_it_drains(server: Program) -> None:
    with server.client() as client:
        assert until(lambda: client.get("/ready").status_code == 503, SOON_SECONDS)
        assert client.get("/ready").json()["reasons"] == ["The server is being stopped."]
        assert client.get("/health").status_code == 200
    for new in ask_all(server.url, [Call(Case([say("new")]), way) for way in WAYS]):
        assert new.outcome == (503, "", "draining") and int(new.retry_after) > 0


def check_told(asked: list[Asked], told: list[Answer]) -> None:
    """Whoever asked about a run that is stopped may find the server gone; whoever waits for it hears of it."""
    for each, answer in zip(asked, told, strict=True):
        if answer.whole or each.kind in (ENDS, STREAMS) or each.call.way != "detached":
            assert (answer.whole, answer.outcome) == (True, each.kind.told), each


def check_told_again(server: Program, asked: list[Asked], told: list[Answer]) -> None:
    check_journal(server.state)
    runs = [run_of(server.state, each.call.key) for each in asked]
    with server.client() as client:
        for each, answer, run in zip(asked, told, runs, strict=True):
            assert run is not None and answer.run_id in ("", run.id)
            again = shown(client, run.id)
            assert (again["stopped_reason"] == "success") == (each.kind.told[0] == 200)
            assert again["stopped_reason"] in ("success", "shutdown") and outcome_of(again) == each.kind.told
    retried = ask_all(server.url, [each.call for each in asked], attempt=1, left=0)
    assert [answer.outcome for answer in retried] == [each.kind.retried for each in asked]
    for each, answer, run in zip(asked, retried, runs, strict=True):
        assert (answer.run_id == run.id) == (each.kind.told != SHUTDOWN)  # type: ignore[union-attr]


def test_a_second_signal_ends_the_server_and_what_it_started_at_once(tmp_path: Path, report: Report) -> None:
    asked = [Asked(Call(Case(kind.steps, AGAIN), way), kind) for kind in (THINKS, ACTS) for way in WAYS]
    with running(tmp_path, CODEX_AGENT_DRAIN_SECONDS="60") as server:
        with asking(server, asked), planted(server) as tree:
            server.signal(signal.SIGTERM)
            with server.client() as client:
                assert until(lambda: client.get("/ready").status_code == 503, SOON_SECONDS)
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            assert server.wait(AT_ONCE_SECONDS) == 128 + signal.SIGTERM
            report("ended by a second signal", [time.monotonic() - began])
        assert until(lambda: not processes_of(tree), SOON_SECONDS)
        assert "Traceback" not in server.log.read_text()
    with running(tmp_path) as server:
        ended = {record.stopped_reason for record in check_journal(server.state)}
        assert ended <= {"shutdown", "interrupted"}
        assert [answer.outcome for answer in ask_all(server.url, [each.call for each in asked], attempt=1)] == [
            each.kind.retried for each in asked
        ]
    check_deeds(server.ledger)


@contextmanager
def planted(server: Program) -> Iterator[str]:
    """A client of a run with a tree of processes; the run's id."""
    client = Client(server.url)
    with open_one(client, True, attempt=0, retries=0) as connection:
        read_to(connection, MOMENTS["in mid-stream"])
        (started,) = server.ledger.entries(client.key, "started")
        assert processes_of(started["run_id"])
        yield str(started["run_id"])
