"""A backend that does what its request says (see `scripts`), and writes down what it truly did (see `ledger`).

Law: a side effect happens only after the run was resumed past its `ToolCall`, as a real agent's does. Of each run
the ledger tells `started`, each `effect`, and then one of `ended`, `closed` (before its end) and `crashed`.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from litellm_codex_agent.backends.backend import NoSuchModel, NotReady, Task
from litellm_codex_agent.backends.events import (
    Done,
    Event,
    Failure,
    FileChange,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Usage,
)
from litellm_codex_agent.backends.parameters import BUDGETS, HARMLESS, STEERING, Parameters

from .ledger import Ledger
from .scripts import Case, Step, read_case

__all__ = ["Crash", "Scripted"]

# A hang that nobody closes is a fault of the test, and must not outlive it.
HANG_SECONDS = 120.0
# Between two looks at a gate that is still shut; hundreds of runs may look.
GATE_SECONDS = 0.1
UNREADY = "unready"
# Raises where the server asks whether it is ready: a fault inside a request, and not inside a run.
BROKEN = "broken"
# A model says a long word in pieces of a few letters.
LEAKED_CHARS = 4


_OPTIONS = frozenset({"mcp_servers", "permissions", "tool_http_base_url", "tool_http_headers", "workspace"})


class Crash(RuntimeError):
    """What a script raises."""


@dataclass
class _Run:
    case: Case
    task: Task
    number: int
    ledger: Ledger
    calls: int = 0
    linger: float = 0.0

    def note(self, what: str, **more: Any) -> int:
        return self.ledger.note(self.case.name, self.task.run_id, what, **more)


class Scripted:
    """`scripted` plays any case; `scripted:unready` is never ready."""

    name = "scripted"
    parameters = Parameters(ignored=HARMLESS | STEERING | BUDGETS, options=_OPTIONS)

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def models(self) -> Sequence[str]:
        return [self.name, f"{self.name}:{UNREADY}"]

    def check(self, model: str) -> None:
        if model == UNREADY:
            raise NotReady("The script says that it is not ready. Ask for `scripted`.")
        if model == BROKEN:
            raise Crash(os.path.expandvars("$UPSTREAM_KEY is in the words of a fault of the server's own"))
        if model:
            raise NoSuchModel(f"There is no {self.name}:{model}.")

    async def answer(self, task: Task) -> AsyncGenerator[Event, None]:
        try:
            case = read_case(task.messages)
        except (KeyError, ValueError) as error:
            yield Done("model_error", failure=Failure(400, f"That is no case: {error}", "no_case"))
            return
        asked = {"model": task.model, "tenant": task.tenant, "parameters": dict(task.parameters)}
        number = self._ledger.note(case.name, task.run_id, "started", **asked, options=dict(task.options))
        run, how = _Run(case, task, number, self._ledger), "closed"
        try:
            async with aclosing(_events(run)) as events:
                async for event in events:
                    how = "ended" if isinstance(event, Done) else how
                    yield event
            how = "ended"
        except Crash:
            how = "crashed"
            raise
        finally:
            try:
                await asyncio.sleep(run.linger)
            finally:  # it may be closed while it lingers after its end
                run.note(how)


async def _events(run: _Run) -> AsyncGenerator[Event, None]:
    for step in run.case.steps(run.number):
        if step["do"] == "forget":
            return
        if step["do"] in _ENDS:
            yield _ENDS[step["do"]](step, Usage(**run.case.usage))
            return
        if step["do"] == "act":
            run.calls += 1
            call = f"call_{run.calls}"
            yield ToolCall(call, step["name"])
            run.note("effect", call=call, name=step["name"])
            yield ToolResult(call, text="done")
        elif step["do"] == "leak":
            for event in _leaked(json.dumps(dict(run.task.options))):
                yield event
        elif step["do"] in _TOLD:
            yield _TOLD[step["do"]](step["text"])
        else:
            await _DONE[step["do"]](run, step)
    yield Done(usage=Usage(**run.case.usage))


def _leaked(text: str) -> Iterator[Event]:
    for at in range(0, len(text), LEAKED_CHARS):
        yield Thought(text[at : at + LEAKED_CHARS])
    yield ToolCall("leak", "print", text)
    yield ToolResult("leak", text=text)
    yield FileChange(f"of/{text}")
    for at in range(0, len(text), LEAKED_CHARS):
        yield Text(text[at : at + LEAKED_CHARS])


async def _pause(_: _Run, step: Step) -> None:
    await asyncio.sleep(step["seconds"])


async def _linger(run: _Run, step: Step) -> None:
    run.linger = step["seconds"]


async def _hang(run: _Run, _: Step) -> None:
    await asyncio.sleep(HANG_SECONDS)
    raise Crash(f"The run {run.task.run_id} was left hanging.")


async def _hold(run: _Run, step: Step) -> None:
    for _ in range(round(HANG_SECONDS / GATE_SECONDS)):
        if run.ledger.is_open(step["gate"]):
            return
        await asyncio.sleep(GATE_SECONDS)
    raise Crash(f"The gate {step['gate']} was never opened.")


async def _crash(_: _Run, step: Step) -> None:
    raise Crash(os.path.expandvars(step["message"]))


def _failed(step: Step, usage: Usage) -> Done:
    failure = Failure(step["status"], os.path.expandvars(step["message"]), step["code"], step["retry_after"])
    return Done("model_error", usage=usage, failure=failure)


_TOLD: dict[str, Callable[[str], Event]] = {"think": Thought, "say": Text}
_DONE: dict[str, Callable[[_Run, Step], Awaitable[None]]] = {
    "crash": _crash,
    "hang": _hang,
    "hold": _hold,
    "linger": _linger,
    "pause": _pause,
}
_ENDS: dict[str, Callable[[Step, Usage], Done]] = {
    "end": lambda step, usage: Done(step["reason"], usage=usage),
    "fail": _failed,
}
