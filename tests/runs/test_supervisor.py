"""A run's life among its callers: begun once, attached to, replayed, waited for, stopped."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.backends.events import Done, Text, Thought, ToolResult, Usage
from litellm_codex_agent.errors import TimedOut
from litellm_codex_agent.runs.identity import Ask
from litellm_codex_agent.runs.run import AT_ONCE
from litellm_codex_agent.runs.slots import Busy
from litellm_codex_agent.runs.supervisor import Draining, KeyReused

from .stage import ACT, BUSY, HELLO, PATIENCE, Script, Stage, hang, stage, until

FIRST, SECOND = Ask("t", "k", 0, 1, "d"), Ask("t", "k", 1, 0, "d")
LAST = Ask("t", "k", 0, 0, "d")


def play(directory: Path, scene: Callable[[Stage], Awaitable[Any]], *steps: Any, **limits: Any) -> Any:
    async def run() -> Any:
        async with stage(directory, *steps, **limits) as set_up:
            return await scene(set_up)

    return asyncio.run(asyncio.wait_for(run(), 2 * PATIENCE))


def test_an_answer_is_told_and_written_down(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        answer, run_id, _ = await on.ask()
        record = on.supervisor.journal.read.record(run_id)
        assert record is not None
        assert (answer, record.state, record.stopped_reason, record.answered) == ("Hello", "ended", "success", 1)
        events = on.supervisor.journal.read.events(run_id)
        assert [event["kind"] for _, _, event in events] == ["thought", "text", "text"]

    play(tmp_path, scene, *HELLO)


def test_two_who_ask_the_same_at_once_share_one_run(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        answers = await asyncio.gather(*(on.ask(FIRST) for _ in range(5)))
        assert len({run_id for _, run_id, _ in answers}) == len(on.script.begun) == 1

    play(tmp_path, scene, *ACT, *HELLO)


def test_a_retry_of_a_delivered_answer_gets_it_again(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        assert await on.ask(FIRST) == await on.ask(SECOND)
        assert len(on.script.begun) == 1

    play(tmp_path, scene, *ACT, *HELLO)


def test_a_deliberate_second_question_is_a_second_run(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        (first, one, _), (second, two, _) = await on.ask(FIRST), await on.ask(FIRST)
        assert first == second and one != two

    play(tmp_path, scene, *HELLO)


def test_the_same_key_of_another_tenant_is_another_request(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        await asyncio.gather(on.ask(FIRST), on.ask(Ask("u", "k", 1, 1, "d")), on.ask(Ask("v", "k", 1, 1, "other")))
        assert len(on.script.begun) == 3

    play(tmp_path, scene, *HELLO)


def test_another_body_under_the_same_key_is_refused(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        await on.ask(FIRST)
        with pytest.raises(KeyReused, match="Idempotency-Key"):
            await on.ask(Ask("t", "k", 1, 1, "other"))

    play(tmp_path, scene, *HELLO)


def test_a_failure_before_the_first_act_is_tried_afresh(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        assert [(await on.ask(each))[2] for each in (FIRST, SECOND)] == [429, 429]
        assert len(on.script.begun) == 2

    play(tmp_path, scene, Thought("hm"), BUSY)


def test_a_failure_after_the_first_act_is_told_again_and_not_tried(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        assert [(await on.ask(each))[2] for each in (FIRST, SECOND)] == [422, 422]
        assert len(on.script.acts) == 1

    play(tmp_path, scene, *ACT, BUSY)


def test_a_caller_without_a_retry_takes_its_run_along(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        record = await on.ended(await on.leave(LAST))
        assert (record.stopped_reason, on.script.closed) == ("client_disconnected", [record.id])

    play(tmp_path, scene, hang(), retry_seconds=60.0)


def test_a_run_waits_for_the_next_attempt_which_gets_the_answer(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        gate = asyncio.Event()
        on.script.steps = (*ACT, gate.wait, *HELLO)
        run_id = await on.leave(FIRST)
        gate.set()
        assert await on.ask(SECOND) == ("Hello", run_id, 200)

    play(tmp_path, scene, retry_seconds=60.0)


@pytest.mark.parametrize("after", [3, 4, 99])
def test_who_has_seen_more_than_there_is_is_told_the_end(tmp_path: Path, after: int) -> None:
    async def scene(on: Stage) -> None:
        _, run_id, _ = await on.ask()
        run = await on.supervisor.find(run_id, None)
        assert run is not None
        assert [[each.seq for each in told] async for told in run.follow(after)] == [[4]]

    play(tmp_path, scene, *HELLO)


def test_a_run_that_nobody_came_back_for_is_stopped(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        record = await on.ended(await on.leave(FIRST))
        assert record.stopped_reason == "client_disconnected"

    play(tmp_path, scene, hang())


def test_the_run_lives_while_one_of_two_callers_stays(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        gate = asyncio.Event()
        on.script.steps = (gate.wait, *HELLO)
        staying = asyncio.ensure_future(on.ask(LAST))
        await until(lambda: bool(on.script.begun))
        run_id = await on.leave(LAST)
        gate.set()
        assert (await staying)[:2] == ("Hello", run_id)

    play(tmp_path, scene)


def test_a_detached_run_needs_nobody(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        run = await on.supervisor.begin(Ask(), on.work())
        assert (await on.ended(run.id)).stopped_reason == "success"

    play(tmp_path, scene, *HELLO)


@pytest.mark.parametrize("steps", [(), (*ACT, Text("half "))], ids=["idle", "acting"])
def test_the_wall_clock_ends_what_hangs(tmp_path: Path, steps: tuple[Any, ...]) -> None:
    async def scene(on: Stage) -> tuple[str, str, int]:
        return await on.ask(max_seconds=0.05)

    answer, _, status = play(tmp_path, scene, *steps, hang())
    assert (answer, status) == (("half ", 200) if steps else (answer, 422))


@pytest.mark.parametrize(
    ("steps", "status", "words"),
    [
        ((RuntimeError("secret things"),), 500, "RuntimeError"),
        ((Done(metrics={"secret things": object()}),), 500, "no JSON can say"),
        ((Done(usage=Usage(cost_usd=math.nan)),), 500, "no JSON can say"),
        ((TimedOut("The model was silent."),), 408, "The model was silent."),
        ((Text("x"),), 500, "without an end"),
        ((asyncio.CancelledError(),), 500, "cancelled itself"),
    ],
    ids=["a bug", "no JSON", "no number", "our own error", "no end", "a cancel"],
)
def test_a_backend_at_fault_is_one_sentence(tmp_path: Path, steps: Any, status: int, words: str) -> None:
    if isinstance(steps[0], asyncio.CancelledError):
        error = steps[0]

        async def cancel() -> None:
            raise error

        steps = (cancel,)
    told, _, got = play(tmp_path, Stage.ask, *steps)
    assert got == status and words in told and "secret things" not in told


def test_what_comes_after_the_end_is_not_told(tmp_path: Path) -> None:
    assert play(tmp_path, Stage.ask, Text("a"), Done(), Text("b"))[0] == "a"


def test_a_backend_that_never_waits_lets_others_have_their_turn(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        asking, turns = asyncio.ensure_future(on.ask()), 0
        while not asking.done():
            await asyncio.sleep(0)
            turns += len(on.script.begun) - len(on.script.closed)
        assert turns >= 1_000 // AT_ONCE

    play(tmp_path, scene, *[Text("x")] * 1_000, Done())


def test_beyond_slots_and_line_a_caller_is_refused(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        for _ in range(2):
            await on.supervisor.begin(Ask(), on.work())
        with pytest.raises(Busy):
            await on.ask()

    play(tmp_path, scene, hang(), max_runs=1, max_queue=1)


def test_who_leaves_the_line_never_works(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        working = await on.supervisor.begin(Ask(), on.work())
        async with on.supervisor.follow(LAST, on.work()) as follower:
            assert follower.run.record.state == "queued"
        assert (await on.ended(follower.run.id)).stopped_reason == "client_disconnected"
        assert [task.run_id for task in on.script.begun] == [working.id]

    play(tmp_path, scene, hang(), max_runs=1)


def test_a_drain_lets_runs_end_and_begins_none(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        gate = asyncio.Event()
        on.script.steps = (gate.wait, *HELLO)
        run = await on.supervisor.begin(Ask(), on.work())
        draining = asyncio.ensure_future(on.supervisor.drain(PATIENCE))
        await until(lambda: on.supervisor.draining)
        with pytest.raises(Draining):
            await on.ask()
        gate.set()
        await draining
        assert (await on.ended(run.id)).stopped_reason == "success"

    play(tmp_path, scene)


def test_a_drain_stops_what_takes_too_long_and_what_waits(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        runs = [await on.supervisor.begin(Ask(), on.work()) for _ in range(2)]
        await on.supervisor.drain(0.05)
        assert [(await on.ended(run.id)).stopped_reason for run in runs] == ["shutdown"] * 2

    play(tmp_path, scene, hang(), max_runs=1)


def test_a_secret_of_the_request_is_struck_from_all_that_is_told(tmp_path: Path) -> None:
    async def scene(on: Stage) -> str:
        answer, _, _ = await on.ask(secrets=("sk-very-secret-1234",))
        assert "very-secret" not in (tmp_path / "journal.sqlite3-wal").read_bytes().decode("latin-1")
        return answer

    assert play(tmp_path, scene, Text("key sk-very-secret-1234"), Done(metrics={"k": ["sk-very-secret-1234"]})) == (
        "key sk-…1234"
    )


@pytest.mark.parametrize("tenant", ["t", None])
def test_a_run_is_found_by_its_tenant_and_by_the_operator(tmp_path: Path, tenant: str | None) -> None:
    async def scene(on: Stage) -> None:
        _, run_id, _ = await on.ask(FIRST)
        assert await on.supervisor.find(run_id, tenant) is not None
        assert await on.supervisor.find(run_id, "another") is None

    play(tmp_path, scene, *HELLO)


def test_a_run_that_is_begun_again_as_detached_needs_its_first_caller_no_more(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        gate = asyncio.Event()
        on.script.steps = (gate.wait, *HELLO)
        async with on.supervisor.follow(LAST, on.work()) as follower:
            run = await on.supervisor.begin(LAST, on.work())
            assert run is follower.run
        gate.set()
        assert ((record := await on.ended(run.id)).stopped_reason, record.detached) == ("success", 1)

    play(tmp_path, scene)


@pytest.mark.parametrize("metrics", [{"x": object()}, {"x": float("nan")}, None], ids=["object", "nan", "none"])
def test_an_end_that_cannot_be_written_down_is_a_failure_and_no_end_missing(tmp_path: Path, metrics: Any) -> None:
    async def scene(on: Stage) -> None:
        told, _, status = await on.ask()
        assert (status, "no JSON can say" in told) == (500, True)
        assert on.supervisor.slots.working == 0

    play(tmp_path, scene, Text("a"), Done(metrics=metrics))


def test_a_backend_that_never_waits_holds_up_neither_others_nor_its_own_end(tmp_path: Path) -> None:
    class Chatter(Script):
        async def answer(self, task: Any) -> Any:
            while True:
                yield Thought("")

    async def scene(on: Stage) -> None:
        on.script = Chatter()
        assert (await on.ask(max_seconds=0.1))[2] == 422

    play(tmp_path, scene)


def test_a_clock_that_is_set_back_makes_no_second_run(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        on.script.steps = (BUSY,)
        await on.ask(FIRST)
        on.supervisor._clock = lambda: 1.0
        on.script.steps = (*ACT, *HELLO)
        assert (await on.ask(SECOND))[1:] == (await on.ask(Ask("t", "k", 2, 0, "d")))[1:]
        assert len(on.script.acts) == 1

    play(tmp_path, scene)


def test_a_long_run_is_read_back_while_the_others_go_on(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        on.script.steps = (*(ToolResult(str(number)) for number in range(20_000)), Done())
        _, run_id, _ = await on.ask()
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        going = asyncio.ensure_future(others())
        run = await on.supervisor.find(run_id, None)
        going.cancel()
        assert run is not None and len(run.told) == 20_001
        assert turns > 200

    play(tmp_path, scene)
