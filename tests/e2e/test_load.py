"""Many at once, on a real server and real sockets: no event lost, no client forgotten, no limit overrun.

No time is asserted here. What the crowds cost is measured by `make bench-server`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.runs.reader import Reader
from litellm_codex_agent.runs.state import JOURNAL
from litellm_codex_agent.wire import sse

from ..backends.program import Program, running
from ..backends.scripts import Case, Step, act, hold, say, think
from ..crowd import Answer, ask
from ..soak import size

pytestmark = pytest.mark.soak

STREAMS = size(30, 200)
RUNS = size(60, 500)
STEPS = 20
SLOTS, QUEUE, CROWD = size(10, 50), size(10, 50), size(60, 500)
LINE = size(6, 25)

CHAT, RUN = "/v1/chat/completions", "/agent/run"
GATE = "go"
# Between two looks at what is about to happen, and at the health of the server.
LOOK_SECONDS = 0.05
PATIENCE = 240.0


@contextmanager
def serving(directory: Path, slots: int, queue: int = 0) -> Iterator[Program]:
    with running(directory, CODEX_AGENT_MAX_RUNS=str(slots), CODEX_AGENT_MAX_QUEUE=str(queue)) as program:
        yield program


def asked(case: Case, **more: Any) -> dict[str, Any]:
    return {"model": "scripted", "messages": case.messages, **more}


def chat(program: Program, case: Case) -> Awaitable[Answer]:
    usage = {"include_usage": True}
    return ask(program.url, "POST", CHAT, asked(case, stream=True, stream_options=usage))


def agent(program: Program, case: Case) -> Awaitable[Answer]:
    return ask(program.url, "POST", RUN, asked(case), accept="text/event-stream")


def steps(name: str) -> list[Step]:
    """A run of `STEPS` steps, which all hold after the first so that they are there at once."""
    worked = [[think(f"{name} thinks {n}. "), act(f"edit-{n}"), say(f"{name} says {n}. ")] for n in range(STEPS)]
    return [*worked[0], hold(GATE), *(step for each in worked[1:] for step in each)]


def answer_of(name: str) -> str:
    return "".join(f"{name} says {n}. " for n in range(STEPS))


def thoughts_of(name: str) -> str:
    return "".join(f"{name} thinks {n}. \n[edit-{n}] \n[ok] done\n" for n in range(STEPS))


# Thought, call, result and text of each step, and the end.
NUMBERS = [str(number) for number in range(1, 4 * STEPS + 2)]


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    async def look() -> None:
        while not await happened():
            await asyncio.sleep(LOOK_SECONDS)

    await asyncio.wait_for(look(), PATIENCE)


async def queue_of(program: Program) -> tuple[int, int]:
    """How many runs work and how many wait, as the server tells it."""
    queue = (await ask(program.url, "GET", "/ready")).json()["queue"]
    return queue["running"], queue["waiting"]


def told(answer: Answer) -> list[sse.Event]:
    """The events of a stream, which came whole."""
    assert answer.status == 200, answer.body
    *events, end = sse.Decoder().feed(answer.body)
    assert end.data == b"[DONE]"
    return events


async def together(program: Program, cases: list[Case], way: Callable[[Program, Case], Awaitable[Answer]]) -> Any:
    """What all of them were answered, whose runs were all in mid-work at one moment."""
    asking = [asyncio.ensure_future(way(program, case)) for case in cases]

    async def all_hold() -> bool:
        return len(program.ledger.entries(what="effect")) == len(cases)

    await until(all_hold)
    program.ledger.open(GATE)
    return await asyncio.gather(*asking)


def crowd(directory: Path, way: Callable[[Program, Case], Awaitable[Answer]]) -> tuple[Program, Any]:
    """`STREAMS` streams side by side, each with what it was answered."""
    names = [f"run {number}" for number in range(STREAMS)]
    with serving(directory, STREAMS) as program:
        cases = [Case(steps(name), name=name) for name in names]
        return program, list(zip(names, asyncio.run(together(program, cases, way)), strict=True))


def test_streams_of_many_runs_at_once_are_whole_and_in_order(tmp_path: Path) -> None:
    program, answers = crowd(tmp_path, chat)
    for name, answer in answers:
        events = told(answer)
        # The first chunk has the role and the last the usage; both are parts of an event that has one number.
        assert list(dict.fromkeys(event.id for event in events)) == NUMBERS
        assert len(events) == len(NUMBERS) + 2
        chunks = [json.loads(event.data) for event in events]
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        assert "".join(delta.get("content", "") for delta in deltas) == answer_of(name)
        assert "".join(delta.get("reasoning_content", "") for delta in deltas) == thoughts_of(name)
        assert {chunk["id"] for chunk in chunks} == {f"chatcmpl-{answer.headers['x-codex-agent-run-id']}"}
        assert program.ledger.counts(name) == {"started": 1, "effect": STEPS, "ended": 1}


def test_event_streams_of_many_runs_at_once_are_whole_and_in_order(tmp_path: Path) -> None:
    program, answers = crowd(tmp_path, agent)
    for name, answer in answers:
        *events, envelope = told(answer)
        assert [event.id for event in events] == NUMBERS
        assert [event.name for event in events] == ["thought", "tool_call", "tool_result", "text"] * STEPS + ["done"]
        texts = [json.loads(event.data)["text"] for event in events if event.name == "text"]
        assert "".join(texts) == json.loads(envelope.data)["final_answer"] == answer_of(name)
        assert program.ledger.counts(name) == {"started": 1, "effect": STEPS, "ended": 1}


def test_the_journal_holds_every_event_of_a_crowd_once(tmp_path: Path) -> None:
    program, answers = crowd(tmp_path, agent)
    reader = Reader.of_file(program.state / JOURNAL)
    for _, answer in answers:
        *events, _ = told(answer)
        record = reader.record(answer.headers["x-codex-agent-run-id"])
        assert record is not None
        kept = [event for _, _, event in reader.events(record.id)]
        assert [*kept, json.loads(record.done)] == [json.loads(event.data) for event in events]
    assert len(reader.newest(STREAMS + 1)) == STREAMS
    reader.close()


def test_many_runs_complete_without_an_error(tmp_path: Path) -> None:
    cases = [Case([think("Hm."), act(), say(f"answer {number}")]) for number in range(RUNS)]

    async def all_of_them(program: Program) -> list[Answer]:
        return await asyncio.gather(*(chat(program, case) for case in cases))

    with serving(tmp_path, SLOTS, RUNS) as program:
        answers = asyncio.run(all_of_them(program))
    for number, answer in enumerate(answers):
        deltas = [json.loads(event.data)["choices"] for event in told(answer)]
        said = "".join(choice["delta"].get("content", "") for choices in deltas for choice in choices)
        assert said == f"answer {number}"
    assert len(program.ledger.entries(what="ended")) == RUNS


@asynccontextmanager
async def watched(program: Program) -> AsyncIterator[list[int]]:
    """The statuses of /health, asked again and again while the block lasts."""
    statuses: list[int] = []

    async def watch() -> None:
        while True:
            statuses.append((await ask(program.url, "GET", "/health")).status)
            await asyncio.sleep(LOOK_SECONDS)

    watching = asyncio.ensure_future(watch())
    try:
        yield statuses
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def overloaded(program: Program) -> tuple[list[Answer], list[Answer], list[int]]:
    """Those that were let in, those that were not, and what /health said meanwhile."""
    async with watched(program) as statuses:
        asking = {asyncio.ensure_future(chat(program, Case([hold(GATE), say("done")]))) for _ in range(CROWD)}

        async def all_others_refused() -> bool:
            return sum(each.done() for each in asking) == CROWD - SLOTS - QUEUE

        await until(all_others_refused)
        refused = {each for each in asking if each.done()}
        assert await queue_of(program) == (SLOTS, QUEUE)
        program.ledger.open(GATE)
        admitted = await asyncio.gather(*(asking - refused))
    return admitted, [each.result() for each in refused], statuses


@pytest.fixture(scope="module")
def overload(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(tmp_path_factory.mktemp("overload"), SLOTS, QUEUE) as program:
        return program, *asyncio.run(overloaded(program))


def test_in_overload_as_many_are_let_in_as_there_are_places_and_all_of_them_end_well(overload: Any) -> None:
    program, admitted, _, _ = overload
    assert len(admitted) == SLOTS + QUEUE == len(program.ledger.entries(what="started"))
    for answer in admitted:
        events = [json.loads(event.data) for event in told(answer)]
        assert [choice["delta"].get("content") for event in events for choice in event["choices"]] == ["", "done", None]


def test_in_overload_all_others_are_told_when_to_come_again(overload: Any) -> None:
    _, _, refused, _ = overload
    assert len(refused) == CROWD - SLOTS - QUEUE
    assert {answer.status for answer in refused} == {429}
    assert all(answer.headers["retry-after"].isdecimal() for answer in refused)
    errors = [answer.json()["error"] for answer in refused]
    assert {(error["type"], error["code"]) for error in errors} == {("rate_limit_error", "busy")}
    assert all(error["message"] for error in errors)


def test_in_overload_the_server_says_that_it_lives(overload: Any) -> None:
    _, _, _, statuses = overload
    assert len(statuses) > 1
    assert set(statuses) == {200}


def test_in_overload_those_that_wait_are_served_in_the_order_in_which_they_came(overload: Any) -> None:
    program, _, _, _ = overload
    reader = Reader.of_file(program.state / JOURNAL)
    came = sorted(reader.newest(CROWD), key=lambda record: record.created)
    reader.close()
    assert [record.id for record in came] == [entry["run_id"] for entry in program.ledger.entries(what="started")]


async def line_of(program: Program) -> list[str]:
    """One run works, and others come behind it one by one; their names in the order in which they came."""
    cases = [Case([hold(GATE), say("done")], name=f"number {number}") for number in range(LINE + 1)]
    asking = []
    for waiting, case in enumerate(cases):
        asking.append(asyncio.ensure_future(chat(program, case)))

        async def came(place: tuple[int, int] = (1, waiting)) -> bool:
            return await queue_of(program) == place

        await until(came)
    program.ledger.open(GATE)
    await asyncio.gather(*asking)
    return [case.name for case in cases]


def test_who_came_first_is_served_first(tmp_path: Path) -> None:
    with serving(tmp_path, 1, LINE) as program:
        came = asyncio.run(line_of(program))
        assert [entry["case"] for entry in program.ledger.entries(what="started")] == came
