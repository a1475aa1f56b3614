"""What a new run is to do, and how a living one does it: one task around the backend, which ends with one `Done`.

Law: nothing a backend does can hang its run. Its wall clock, a stop and its own end are waited for side by side,
and a backend that does not close in time is left behind, with a line in the log.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from ..backends.backend import Backend, Task
from ..backends.events import Done, Event, Failure
from ..backends.faults import failure_of
from ..backends.telling import to_json
from ..errors import AgentError
from .faults import log_fault
from .outcome import not_written
from .reader import JournalError
from .run import AT_ONCE, Run

__all__ = ["Work", "perform", "sound"]

# A process tree gets TERM, then KILL some seconds later; beyond that the backend is broken.
CLOSE_SECONDS = 15.0
# A backend may lose a cancel (`asyncio.wait_for` does, before Python 3.12, when what it waits for comes at the same
# moment). One that is closing is not hurried before it has had the time to.
CANCEL_AGAIN_SECONDS = 4.0
# Held in memory while the run lives, and in the journal for days: more than this is a fault, not an answer.
MAX_RUN_CHARS = 64 * 1024 * 1024
# What an event takes beside its text: one that says nothing is not for nothing.
EVENT_CHARS = 100

_log = logging.getLogger("litellm_codex_agent.runs")
_Tell = Callable[[Run, Event], Awaitable[None]]


@dataclass(frozen=True)
class Work:
    """What is asked of a backend, sorted and checked. `secrets` are struck out of all that the run tells."""

    backend: Backend
    model: str
    named: str
    messages: Sequence[Mapping[str, Any]]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    session: str = ""
    max_seconds: float = 600.0
    detached: bool = False


async def perform(run: Run, work: Work, tell: _Tell, seconds: float) -> Done:
    """The backend's events to `tell`, and the end of it all, whichever comes first."""
    over, heard = asyncio.Event(), list[Done]()
    listening = asyncio.ensure_future(_listen(run, work, tell, over, heard))
    waiting: set[asyncio.Future[Any]] = {listening, run.stop}
    await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if listening.done():
        return _end(run, listening)
    over.set()
    await _close(run, listening)
    # A backend that has told its end and was only slow to close has ended so: its answer is not lost.
    return heard[0] if heard else Done(run.stop.result() if run.stop.done() else "budget")


async def _close(run: Run, listening: asyncio.Future[Done]) -> None:
    deadline = time.monotonic() + CLOSE_SECONDS
    while not listening.done() and time.monotonic() < deadline:
        listening.cancel()
        await asyncio.wait({listening}, timeout=CANCEL_AGAIN_SECONDS)
    if not listening.done():
        _log.error("run %s: its backend did not close within %s s", run.id, CLOSE_SECONDS)
    elif not listening.cancelled() and (error := listening.exception()) is not None:
        log_fault(_log, f"run {run.id}: its backend failed while it was closed", error, run.secrets)


async def _listen(run: Run, work: Work, tell: _Tell, over: asyncio.Event, heard: list[Done]) -> Done:
    task = Task(run.id, work.model, work.messages, work.parameters, work.options, run.record.tenant, work.session)
    size = number = 0
    async with aclosing(work.backend.answer(task)) as events:
        async for event in events:
            if isinstance(event, Done):
                heard.append(event)
                return event
            if over.is_set():
                return Done("cancelled")  # the cancel was lost on it; leaving the block closes it
            size += len(getattr(event, "text", "")) + EVENT_CHARS
            number += 1
            if size > MAX_RUN_CHARS:
                return _failed(f"The run told more than {MAX_RUN_CHARS:,} characters, and was stopped.")
            await tell(run, event)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
    return _failed(f"The agent {work.backend.name!r} ended without an end: this is a fault in it.")


def _end(run: Run, listening: asyncio.Future[Done]) -> Done:
    if listening.cancelled():
        return _failed("The agent cancelled itself: this is a fault in it.")
    error = listening.exception()
    if error is None:
        return listening.result()
    if isinstance(error, JournalError):
        return not_written(error)
    if isinstance(error, AgentError):
        # It says what happened in words that are made for its caller.
        return Done("model_error", failure=failure_of(error))
    log_fault(_log, f"run {run.id}: its backend raised", error, run.secrets)
    return _failed(
        f"The agent failed unexpectedly ({type(error).__name__}). The server's log has more, by run {run.id}."
    )


def sound(done: Done) -> Done:
    """`done`, if it can be written down: an end that nobody could read would leave its run without one."""
    try:
        json.dumps({**to_json(done), "metrics": {**done.metrics}}, allow_nan=False)
    except (TypeError, ValueError, AttributeError, RecursionError):
        return _failed("The agent ended with figures that no JSON can say: this is a fault in it.")
    return done


def _failed(message: str) -> Done:
    return Done("model_error", failure=Failure(500, message, "agent_fault"))
