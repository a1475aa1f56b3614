"""The backend with a tree of processes: whoever closes it, and when, nothing is left."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from litellm_codex_agent.backends.backend import NoSuchModel
from litellm_codex_agent.backends.events import Done, Text, Thought, ToolCall

from .ledger import Ledger
from .playing import SECONDS, task
from .tree import Tree, is_alive, pids_in, processes_of, runs_that_work

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
MODELS = ["", "stubborn"]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(Ledger(tmp_path / "ledger.jsonl"))


async def planted(tree: Tree, model: str, stop: str) -> tuple[list[int], float]:
    """Start a tree, end it in this way, and tell its pids and how long the ending took."""
    events = tree.answer(task(model))
    first = await asyncio.wait_for(events.__anext__(), SECONDS)
    assert isinstance(first, Thought)
    pids = pids_in(first.text)
    assert len(set(pids)) == 3 and all(is_alive(pid) for pid in pids)
    assert len({os.getsid(pid) for pid in pids}) == 1 and os.getsid(pids[0]) != os.getsid(0)
    began = time.monotonic()
    if stop == "cancel":
        assert isinstance(await events.__anext__(), ToolCall)
        waiting = asyncio.ensure_future(events.__anext__())
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await asyncio.wait_for(events.aclose(), SECONDS)
    return pids, time.monotonic() - began


def gone(pids: list[int]) -> bool:
    """A killed process is gone a moment after its parent heard of it."""
    deadline = time.monotonic() + 1
    while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stop", ["close", "cancel"])
def test_a_tree_that_is_left_is_gone_within_a_second(tree: Tree, model: str, stop: str) -> None:
    pids, seconds = asyncio.run(planted(tree, model, stop))
    assert gone(pids)
    assert seconds < 1.5
    # No TERM ends the stubborn one, so its end has to wait for the KILL.
    assert (seconds >= 0.3) == (model == "stubborn")


@pytest.mark.parametrize("turns", range(1, 12))
def test_a_run_that_is_cancelled_while_its_tree_starts_leaves_nothing(tree: Tree, turns: int) -> None:
    asked = replace(task(), run_id=uuid.uuid4().hex)

    async def leave() -> None:
        events = tree.answer(asked)
        first = asyncio.ensure_future(events.__anext__())
        for _ in range(turns):
            await asyncio.sleep(0)
        first.cancel()
        # Where the tree was up by then, the run has told of it, and is left as any run is.
        assert await asyncio.wait({first}, timeout=SECONDS) == ({first}, set())
        await events.aclose()

    asyncio.run(leave())
    assert gone(processes_of(asked.run_id))


def test_the_processes_of_a_run_are_found_by_its_id(tree: Tree) -> None:
    async def look() -> tuple[list[int], list[int]]:
        events = tree.answer(replace(task(), run_id="run_found"))
        first = await events.__anext__()
        assert isinstance(first, Thought)
        found = processes_of("run_found")
        assert "run_found" in runs_that_work()
        await events.aclose()
        return pids_in(first.text), found

    pids, found = asyncio.run(asyncio.wait_for(look(), SECONDS))
    assert set(pids) <= set(found)
    assert gone(found) and processes_of("run_found") == [] and "run_found" not in runs_that_work()


def test_a_tree_that_ends_by_itself_is_an_answer(tree: Tree) -> None:
    async def outlive() -> list[object]:
        told: list[object] = []
        async for event in tree.answer(task()):
            told.append(event)
            if isinstance(event, Thought):
                os.killpg(pids_in(event.text)[0], signal.SIGKILL)
        return told

    *_, text, done = asyncio.run(asyncio.wait_for(outlive(), SECONDS))
    assert (text, done) == (Text("The tree ended by itself."), Done())


def test_the_ledger_tells_the_pids_and_the_closing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    pids, _ = asyncio.run(planted(Tree(ledger), "", "close"))
    assert ledger.counts("hello") == {"started": 1, "closed": 1}
    assert ledger.entries("hello", "started")[0]["pids"] == pids


def test_a_tree_has_two_models(tree: Tree) -> None:
    for model in MODELS:
        tree.check(model)
    with pytest.raises(NoSuchModel, match="tree:nobody"):
        tree.check("nobody")


def test_a_process_that_never_was_is_not_alive() -> None:
    assert is_alive(os.getpid())
    assert not is_alive(2**30)
