"""kill -9, again and again, on one state directory: what was told stays told, and no work is done twice.

The clients have runs in all their stages when it happens: in line, begun, acting, in mid-stream, about to end.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from litellm_codex_agent.runs.record import Record

from ..backends.program import Program, running
from ..backends.scripts import Case, Step, act, fail, linger, pause, say, think
from ..soak import size
from .afterwards import check_deeds, check_journal, known_runs
from .callers import WAYS, Answer, Call, Outcome, ask, ask_all, outcome_of, shown
from .figures import Report

POINTS = size(6, 100)
CLIENTS = 10
# Fewer slots than clients, so that some runs wait in line.
SETTINGS = {"CODEX_AGENT_MAX_RUNS": "6"}
# From the start of the process to /ready: one on a quiet machine.
READY_SECONDS = 20.0
# When the kill comes, counted from the first run's begin.
LATEST = 0.8

AGAIN = [act("first"), act("second"), say("again")]
STAGES: tuple[list[Step], ...] = (
    [say("at once")],
    [think("Hm."), act("first"), say("acted")],
    [step for piece in "streamed" for step in (say(piece), pause(0.04))],
    [act("first"), pause(0.2), act("second"), pause(0.2), say("acted twice")],
    [pause(0.3), act("first"), say("late")],
    [linger(0.1), act("first"), say("lingered")],
    [think("Hm."), fail(500, code="broken")],
    [act("first"), fail(500, code="broken")],
)


@dataclass(frozen=True)
class Asked:
    call: Call
    answer: Answer


@pytest.mark.soak
def test_what_was_told_is_told_after_a_kill_and_nothing_is_done_twice(tmp_path: Path, report: Report) -> None:
    seconds, ends, asked = [], Counter[str](), list[Asked]()
    for point in range(POINTS + 1):
        began = time.monotonic()
        with running(tmp_path, **SETTINGS) as server, server.client() as client:
            assert client.get("/ready").json()["ok"]
            seconds.append(time.monotonic() - began)
            ends.update(check(server, asked))
            asked = killed(server, Random(point)) if point < POINTS else []
    check_deeds(server.ledger)
    assert max(seconds) < READY_SECONDS and ends["interrupted"]
    report(f"ready after kill -9 ({dict(ends)})", seconds)


def killed(server: Program, chance: Random) -> list[Asked]:
    """What the clients asked for and got until the server was killed, at a moment that nobody planned."""
    plans = [Random(chance.random()) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as threads:
        asking = [threads.submit(lambda plan: list(asked_by(server, plan)), plan) for plan in plans]
        time.sleep(chance.uniform(0.0, LATEST))
        server.kill()
        return [each for client in asking for each in client.result()]


def asked_by(server: Program, chance: Random) -> Iterator[Asked]:
    """One client's questions, until one is not answered whole."""
    while True:
        call = Call(Case(chance.choice(STAGES), AGAIN), chance.choice(WAYS))
        answer = ask(server.url, call)
        yield Asked(call, answer)
        if not answer.whole:
            return


def check(server: Program, asked: list[Asked]) -> list[str]:
    """All that has to hold after the restart; how the runs of `asked` have ended."""
    check_journal(server.state)
    calls = [each.call for each in asked]
    known = known_runs(server.state, [call.key for call in calls])
    with server.client() as client:
        for each in asked:
            if each.answer.run_id:
                check_told(each, shown(client, each.answer.run_id))
    expected = [after_a_retry(server, call, known.get(call.key)) for call in calls]
    assert [answer.outcome for answer in ask_all(server.url, calls, attempt=1, left=0)] == expected
    return [record.stopped_reason for record in known.values()]


def check_told(each: Asked, told: dict[str, Any]) -> None:
    """Whoever heard of the run's begin finds it; whoever heard its end finds the same."""
    assert told["status"] == "ended"
    if each.answer.whole:
        assert outcome_of(told) == each.answer.outcome == outcome(each.call.case.steps(1))
    elif told["stopped_reason"] == "interrupted":
        assert outcome_of(told)[0::2] in ((503, "interrupted"), (422, "run_failed"))
    else:
        assert outcome_of(told) == outcome(each.call.case.steps(1))


def after_a_retry(server: Program, call: Call, record: Record | None) -> Outcome:
    """What the next attempt gets: the answer there is, a fresh run where nothing was done, else a refusal."""
    if record is not None and record.answered:
        return outcome(call.case.steps(1))
    if record is not None and record.acted:
        return 422, "", "run_failed"
    return outcome(call.case.steps(server.ledger.count(call.case.name, "started") + 1))


def outcome(steps: list[Step]) -> Outcome:
    """What a run comes to that does these steps to their end."""
    failed = [step for step in steps if step["do"] == "fail"]
    if not failed:
        return 200, "".join(step["text"] for step in steps if step["do"] == "say"), ""
    acted = any(step["do"] == "act" for step in steps)
    return (422, "", "run_failed") if acted else (failed[0]["status"], "", failed[0]["code"])
