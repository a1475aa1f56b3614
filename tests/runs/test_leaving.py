"""Callers who leave and callers who come back: whom a run waits for, and what one that is being stopped says."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from litellm_codex_agent.backends.backend import Task
from litellm_codex_agent.backends.events import Event, Text
from litellm_codex_agent.runs.identity import Ask

from .stage import ACT, HELLO, Script, Stage, hang, until
from .test_supervisor import play

FIRST, SECOND, LAST = (Ask("t", "k", attempt, 2 - attempt, "d") for attempt in range(3))
ONLY = Ask("t", "k", 0, 0, "d")


async def reason(on: Stage, run_id: str) -> str:
    """Why the run is to stop; empty while it may live."""
    run = await on.supervisor.find(run_id, None)
    assert run is not None
    return run.stop.result() if run.stop.done() else ""


async def left(on: Stage, *asks: Ask) -> str:
    """All of them leave, one after the other; why the run is to stop then."""
    (run_id,) = {await on.leave(ask) for ask in asks}
    return await reason(on, run_id)


@pytest.mark.parametrize(
    ("asks", "stopped"),
    [
        pytest.param([FIRST], "", id="a second attempt may come"),
        pytest.param([FIRST, SECOND], "", id="a third one may"),
        pytest.param([FIRST, SECOND, LAST], "client_disconnected", id="the last one was waited for, and has left"),
        pytest.param([FIRST, LAST], "client_disconnected", id="one never arrived, and none is left"),
        pytest.param([FIRST, FIRST, SECOND, LAST], "", id="another caller's second attempt may come"),
        pytest.param([FIRST, ONLY], "", id="a caller without a retry is not the one who is waited for"),
    ],
)
def test_a_run_waits_for_each_caller_who_may_come_back_and_no_longer(
    tmp_path: Path, asks: list[Ask], stopped: str
) -> None:
    assert play(tmp_path, lambda on: left(on, *asks), hang(), retry_seconds=60.0) == stopped


def test_a_wait_that_was_in_vain_is_over_for_its_caller_alone(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        run_id = await on.leave(FIRST)
        await asyncio.sleep(0.1)
        await on.leave(FIRST)
        await asyncio.sleep(0.15)  # the first wait is over, the second is not
        assert await reason(on, run_id) == ""
        assert (await on.ended(run_id)).stopped_reason == "client_disconnected"

    play(tmp_path, scene, hang(), retry_seconds=0.2)


def test_a_run_that_was_left_to_itself_outlives_whoever_was_awaited(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        run_id = await on.leave(FIRST)
        await on.supervisor.begin(Ask("t", "k", 1, 0, "d"), on.work())
        await on.leave(FIRST)
        await asyncio.sleep(0.2)
        assert await reason(on, run_id) == ""

    play(tmp_path, scene, hang(), retry_seconds=0.1)


def test_who_asks_while_a_run_is_stopped_is_not_told_of_anothers_leaving(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        gate = asyncio.Event()

        async def slow_to_close() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await gate.wait()

        on.script.steps = (slow_to_close,)
        stopped = await on.leave(ONLY)
        on.script.steps = HELLO
        asking = asyncio.ensure_future(on.ask(ONLY))
        await asyncio.sleep(0.05)
        assert not asking.done() and await reason(on, stopped)
        gate.set()
        answer, run_id, _ = await asking
        assert answer == "Hello" and run_id != stopped

    play(tmp_path, scene)


@pytest.mark.parametrize("seconds", [0.05, 60.0], ids=["its time is up", "its caller leaves"])
def test_a_run_that_has_told_its_end_and_is_slow_to_close_has_ended_so(tmp_path: Path, seconds: float) -> None:
    class SlowToClose(Script):
        async def answer(self, task: Task) -> AsyncGenerator[Event, None]:
            try:
                async for event in super().answer(task):
                    yield event
            finally:
                told.set()
                await asyncio.sleep(0.2)

    told = asyncio.Event()

    async def scene(on: Stage) -> str:
        on.script = SlowToClose(HELLO)
        async with on.supervisor.follow(ONLY, on.work()) as follower:
            await (told.wait() if seconds > 1 else follower.run.ended())
        return str((await on.ended(follower.run.id)).stopped_reason)

    assert play(tmp_path, scene, max_seconds=seconds) == "success"


def test_a_run_has_not_ended_before_its_end_is_written_down(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        gate = asyncio.Event()
        on.script.steps = (gate.wait, *HELLO)
        run = await on.supervisor.begin(Ask(), on.work())
        with closing(sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            gate.set()
            await until(lambda: on.script.closed == [run.id])
            await asyncio.sleep(0.05)
            assert (run.record.state, run.record.ended, run.done) == ("running", None, None)
            other.rollback()
        assert (await on.ended(run.id)).state == run.record.state == "ended"

    play(tmp_path, scene)


def test_a_retry_that_comes_while_its_acting_run_is_stopped_acts_no_second_time(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        await on.leave(ONLY)
        assert (await on.ask(SECOND))[2] == 422
        assert len(on.script.begun) == 1

    play(tmp_path, scene, *ACT, Text("half"), hang())


def test_a_retry_that_comes_after_a_cancel_is_told_of_it(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        run_id = await on.leave(FIRST)
        run = await on.supervisor.find(run_id, None)
        assert run is not None
        on.supervisor.stop(run, "cancelled")
        assert [(await on.ask(SECOND))[1:] for _ in range(2)] == [(run_id, 499)] * 2
        await until(lambda: on.script.closed == [run_id])

    play(tmp_path, scene, hang(), retry_seconds=60.0)


async def loses_its_cancel() -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


@pytest.mark.parametrize("steps", [(Text("late"), hang()), (hang(),)], ids=["and goes on", "and waits again"])
def test_a_backend_that_loses_its_cancel_is_closed_all_the_same(tmp_path: Path, steps: tuple[object, ...]) -> None:
    async def scene(on: Stage) -> None:
        run_id = await on.leave(ONLY)
        assert (await on.ended(run_id)).stopped_reason == "client_disconnected"
        assert on.script.closed == [run_id]
        assert on.supervisor.journal.read.events(run_id) == []

    play(tmp_path, scene, loses_its_cancel, *steps)


@pytest.mark.parametrize("turns", range(4))
def test_who_leaves_at_the_moment_of_an_event_has_left(tmp_path: Path, turns: int) -> None:
    async def scene(on: Stage) -> None:
        run = await on.supervisor.begin(Ask(), on.work())
        following = asyncio.ensure_future(anext(run.follow(beat=60.0)))
        await asyncio.sleep(0)
        run.tell(Text("now"), 1.0)
        for _ in range(turns):
            await asyncio.sleep(0)
        was_there = following.done()
        following.cancel()
        await asyncio.wait({following})
        assert following.cancelled() or was_there

    play(tmp_path, scene, hang())
