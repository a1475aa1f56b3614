"""A backend with a real tree of three processes, in a session of their own, that works until it is closed.

Law: closing it ends the whole tree, by TERM and then, a bounded while later, by KILL; whatever closes it, and when.
`tree:stubborn` is one that no TERM ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from pathlib import Path

from litellm_codex_agent.backends.backend import NoSuchModel, Task
from litellm_codex_agent.backends.events import Done, Event, Text, Thought, ToolCall
from litellm_codex_agent.backends.parameters import HARMLESS, STEERING, Parameters

from .ledger import Ledger

__all__ = ["Tree", "is_alive", "pids_in", "processes_of", "runs_that_work"]

# What is left if its server is killed and nobody ends the tree: it goes by itself.
LIFE_SECONDS = 60
# Three shells start in a few milliseconds; a machine under load takes longer.
START_SECONDS = 20.0
# From TERM to KILL. The whole is to be gone within a second.
TERM_SECONDS = 0.3
STUBBORN = "stubborn"
# By it the processes of a run are found, though nobody told their pids.
_RUN = "TREE_OF_RUN"

# Each tells its pid; none ends before the one below it does. What `trap` ignores stays ignored in the children.
_CHILD = f"echo $$; sleep {LIFE_SECONDS} & echo $!; wait"
_PARENT = 'echo $$; /bin/sh -c "$1" & wait'
_DEAF = "trap '' TERM; "


class Tree:
    """Tells the three pids as a thought, then that it acts, then waits for the tree."""

    name = "tree"
    parameters = Parameters(ignored=HARMLESS | STEERING)

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def models(self) -> Sequence[str]:
        return [self.name, f"{self.name}:{STUBBORN}"]

    def check(self, model: str) -> None:
        """Always ready."""
        if model not in ("", STUBBORN):
            raise NoSuchModel(f"There is no {self.name}:{model}.")

    async def answer(self, task: Task) -> AsyncGenerator[Event, None]:
        case = str(task.messages[-1]["content"])
        process = await _started(task.run_id, _DEAF if task.model == STUBBORN else "")
        try:
            pids = await asyncio.wait_for(_pids(process), START_SECONDS)
            self._ledger.note(case, task.run_id, "started", pids=pids)
            yield Thought(json.dumps({"pids": pids}))
            yield ToolCall("call_1", "wait", f"for {LIFE_SECONDS} s")
            await process.wait()
            yield Text("The tree ended by itself.")
            yield Done()
        finally:
            await _end(process)
            self._ledger.note(case, task.run_id, "closed")


def pids_in(thought: str) -> list[int]:
    """Parent, child and grandchild, as the thought tells them."""
    return [int(pid) for pid in json.loads(thought)["pids"]]


def is_alive(pid: int) -> bool:
    """Whether the process works; one that is dead and not yet collected by its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def processes_of(run_id: str) -> list[int]:
    """All that work for this run, wherever they hang in the tree of processes."""
    mark = f"{_RUN}={run_id}".encode()
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in _environment(path)]


def runs_that_work() -> set[str]:
    """The ids of all runs that have a process, on the whole machine."""
    mark = f"{_RUN}=".encode()
    found = [line for path in Path("/proc").glob("[0-9]*/environ") for line in _environment(path)]
    return {line.removeprefix(mark).decode() for line in found if line.startswith(mark)}


def _environment(path: Path) -> list[bytes]:
    # A process that has ended has none.
    with suppress(OSError):
        return path.read_bytes().split(b"\0")
    return []


async def _started(run_id: str, first: str) -> Process:
    """The parent. A caller who leaves while it starts leaves no tree behind."""
    command = ["/bin/sh", "-c", first + _PARENT, "tree", first + _CHILD]
    environment = {"PATH": "/usr/bin:/bin", _RUN: run_id}
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env=environment, start_new_session=True
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _end(await starting)
        raise


async def _pids(process: Process) -> list[int]:
    assert process.stdout is not None
    return [int(await process.stdout.readline()) for _ in range(3)]


async def _end(process: Process) -> None:
    """Of the whole session, whether or not its leader still lives."""
    try:
        _signal(process, signal.SIGTERM)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), TERM_SECONDS)
    finally:  # whoever is cancelled in mid-wait kills all the same
        _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: Process, number: int) -> None:
    # The group's number is not given to another while one of its processes is left.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
