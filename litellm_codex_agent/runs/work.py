"""What a new run is to do, and how a living one does it: one task around the backend, which ends with one `Done`.

Law: nothing a backend does can hang its run. Its wall clock, a stop and its own end are waited for side by side,
and a backend that does not close in time is left behind, with a line in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from ..backends.backend import Backend, Task
from ..backends.events import Done, Event, Failure, FileChange, Text, Thought, ToolCall, ToolResult, Usage
from ..backends.telling import to_json
from ..errors import AgentError, Refused, without_secrets
from ..wire.strict_json import sayable, write_json
from .outcome import not_written
from .reader import JournalError
from .run import AT_ONCE, Run

__all__ = ["Work", "perform", "redacted"]

# A process tree gets TERM, then KILL some seconds later; beyond that the backend is broken.
CLOSE_SECONDS = 15.0
# Held in memory while the run lives, and in the journal for days: more than this is a fault, not an answer.
MAX_RUN_CHARS = 64 * 1024 * 1024
# What an event takes beside its text.
EVENT_CHARS = 256

_EVENTS = (Thought, Text, ToolCall, ToolResult, FileChange, Done, Failure, Usage)

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
    listening = asyncio.ensure_future(_listen(run, work, tell))
    waiting: set[asyncio.Future[Any]] = {listening, run.stop}
    await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if listening.done():
        return _end(run, listening)
    listening.cancel()
    await asyncio.wait({listening}, timeout=CLOSE_SECONDS)
    if not listening.done():
        _log.error("run %s: its backend did not close within %s s", run.id, CLOSE_SECONDS)
    elif not listening.cancelled() and (error := listening.exception()) is not None:
        _log.error("run %s: its backend failed while it was closed", run.id, exc_info=error)
    return Done(run.stop.result() if run.stop.done() else "budget")


async def _listen(run: Run, work: Work, tell: _Tell) -> Done:
    task = Task(run.id, work.model, work.messages, work.parameters, work.options, run.record.tenant)
    size = 0
    async with aclosing(work.backend.answer(task)) as events:
        async for event in events:
            if isinstance(event, Done):
                write_json(to_json(event))  # what cannot be told fails here, where it is the agent's fault
                return event
            size += EVENT_CHARS + len(getattr(event, "text", ""))
            if size > MAX_RUN_CHARS:
                return _failed(f"The run told more than {MAX_RUN_CHARS:,} characters, and was stopped.")
            await tell(run, event)
            if len(run.told) % AT_ONCE == 0:
                await asyncio.sleep(0)  # a backend may have a hundred thousand of them ready
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
        return Done("model_error", failure=_of(error))
    _log.error("run %s: its backend raised", run.id, exc_info=error)
    return _failed(
        f"The agent failed unexpectedly ({type(error).__name__}). The server's log has more, by run {run.id}."
    )


def _failed(message: str) -> Done:
    return Done("model_error", failure=Failure(500, message, "agent_fault"))


def _of(error: AgentError) -> Failure:
    code = error.refusal.code if isinstance(error, Refused) else ""
    return Failure(error.status, str(error), code)


def redacted(told: Any, secrets: tuple[str, ...]) -> Any:
    """`told` with each secret masked, wherever in it a text stands; as it is where there is nothing to mask.

    Half of a surrogate pair, as a command may print it, becomes a question mark: no wire carries it.
    """
    if isinstance(told, str):
        return sayable(without_secrets(told, secrets))
    if isinstance(told, _EVENTS):
        was = [(name, getattr(told, name)) for name in told.__dataclass_fields__]
        masked = {name: now for name, value in was if (now := redacted(value, secrets)) is not value}
        return replace(told, **masked) if masked else told
    if isinstance(told, Mapping):
        return {name: redacted(value, secrets) for name, value in told.items()}
    if isinstance(told, (list, tuple)):
        return type(told)(redacted(value, secrets) for value in told)
    return told
