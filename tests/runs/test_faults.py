"""A journal that cannot be written while runs live: each ends in order, none is done twice, and all is made up for."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.backends.events import Thought
from litellm_codex_agent.runs.identity import Ask
from litellm_codex_agent.runs.journal import JournalError

from .stage import ACT, HELLO, PATIENCE, Stage, stage, until

FIRST, SECOND = Ask("t", "k", 0, 1, "d"), Ask("t", "k", 1, 0, "d")


def play(directory: Path, scene: Callable[[Stage], Awaitable[Any]], *steps: Any) -> Any:
    async def run() -> Any:
        async with stage(directory, *steps) as set_up:
            return await scene(set_up)

    return asyncio.run(asyncio.wait_for(run(), 2 * PATIENCE))


@contextmanager
def without(directory: Path, table: str) -> Iterator[None]:
    """A journal that takes nothing for this table, until the block ends."""
    with closing(sqlite3.connect(directory / "journal.sqlite3")) as other:
        other.execute(f"ALTER TABLE {table} RENAME TO away")
        try:
            yield
        finally:
            other.execute(f"ALTER TABLE away RENAME TO {table}")


def kinds(on: Stage, run_id: str) -> list[str]:
    events = on.supervisor.journal.read.events(run_id)
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    return [event["kind"] for _, _, event in events]


def test_a_run_whose_begin_cannot_be_written_does_not_begin(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        with without(tmp_path, "runs"), pytest.raises(JournalError, match="no such table"):
            await on.ask()
        assert (await on.ask(FIRST))[0] == "Hello"
        assert len(on.script.begun) == 1

    play(tmp_path, scene, *HELLO)


def test_what_was_told_meanwhile_is_written_afterwards(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        told, gate = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            told.set()
            await gate.wait()

        on.script.steps = (Thought("hm"), wait, *HELLO)
        with without(tmp_path, "events"):
            asking = asyncio.ensure_future(on.ask())
            await told.wait()
            await until(lambda: bool(on.supervisor.journal.fault))
        gate.set()
        answer, run_id, _ = await asking
        assert (answer, kinds(on, run_id)) == ("Hello", ["thought", "thought", "text", "text"])

    play(tmp_path, scene)


def test_an_act_that_cannot_be_written_is_not_done_and_may_be_tried_again(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        with without(tmp_path, "events"):
            sentence, run_id, status = await on.ask(FIRST)
            assert (status, on.script.acts) == (503, [])
            assert "journal" in sentence and str(tmp_path) not in sentence
        answer, again, _ = await on.ask(SECOND)
        assert (answer, on.script.acts) == ("Hello", [again]) and again != run_id

    play(tmp_path, scene, *ACT, *HELLO)


def test_an_end_that_cannot_be_written_is_told_as_no_answer_and_nothing_is_done_twice(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        gate = asyncio.Event()
        on.script.steps = (*ACT, gate.wait, *HELLO)
        asking = asyncio.ensure_future(on.ask(FIRST))
        await until(lambda: bool(on.script.acts))
        with without(tmp_path, "events"):
            gate.set()
            failed = await asking
            assert (failed[2], await on.ask(SECOND)) == (422, failed)
        await until(lambda: on.supervisor.journal.read.record(failed[1]).state == "ended")  # type: ignore[union-attr]
        assert (await on.ask(SECOND), len(on.script.begun)) == (failed, 1)
        assert kinds(on, failed[1]) == ["tool_call", "tool_result", "thought", "text", "text"]

    play(tmp_path, scene)


def test_a_run_that_could_not_be_written_is_still_found(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        with without(tmp_path, "events"):
            _, run_id, _ = await on.ask()
            run = await on.supervisor.find(run_id, None)
            assert run is not None and run.record.state == "ended"

    play(tmp_path, scene, *HELLO)


@pytest.mark.parametrize("text", ["{", '{"kind": "song"}'])
def test_a_run_whose_row_is_spoilt_is_told_as_that(tmp_path: Path, text: str) -> None:
    async def scene(on: Stage) -> None:
        _, run_id, _ = await on.ask()
        with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as other:
            other.execute("UPDATE events SET event = ? WHERE seq = 2", (text,))
            other.commit()
        with pytest.raises(JournalError, match=f"The run {run_id} cannot be read"):
            await on.supervisor.find(run_id, None)

    play(tmp_path, scene, *HELLO)
