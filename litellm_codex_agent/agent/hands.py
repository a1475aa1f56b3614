"""The calls of one turn, made side by side and told in the order asked: one result for each, whatever happens.

Law: what goes wrong with a call is a result that the model can read. No text of a tool leaves here unscanned.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..backends.events import ToolCall
from ..tools.arguments import BrokenArguments, read_arguments
from ..tools.source import NOT_MADE, TIMED_OUT, Call, Result, Source, Tool
from .model import RawCall

__all__ = ["Cleaner", "Hands", "Made"]

# A source keeps to the time that it is given; one that has not come back so much later is left behind.
GRACE_SECONDS = 3.0
# Looked through in some milliseconds; a longer text is in a thread, while the other runs go on.
MAX_AT_ONCE = 64 * 1024
# How a person reads a call: the one argument that says it all.
_READ_AS = {"exec_python": "code", "exec_shell": "command"}

_log = logging.getLogger("litellm_codex_agent.agent")


class Cleaner(Protocol):
    """Strikes secrets out of a text."""

    def clean(self, text: str) -> tuple[str, int]: ...


@dataclass(frozen=True)
class Made:
    """A call and what came of it."""

    call: RawCall
    result: Result


@dataclass(frozen=True)
class Hands:
    """The tools of a run. `seconds` is the time of one call, `parallel` how many work at once."""

    sources: Sequence[Source] = ()
    cleaner: Cleaner | None = None
    seconds: float = 60.0
    parallel: int = 4
    by_name: Mapping[str, tuple[Tool, Source]] = field(init=False)

    def __post_init__(self) -> None:
        named = {tool.name: (tool, source) for source in self.sources for tool in source.tools}
        object.__setattr__(self, "by_name", named)

    def schemas(self) -> list[dict[str, Any]]:
        """The tools as OpenAI's API has them."""
        return [_schema(tool) for tool, _ in self.by_name.values()]

    def event(self, call: RawCall) -> ToolCall:
        """How the call is told before it is made."""
        said = None
        if call.name in self.by_name and call.name in _READ_AS:
            with suppress(BrokenArguments):
                said = read_arguments(call.arguments, self.by_name[call.name][0]).get(_READ_AS[call.name])
        return ToolCall(call.id, call.name, said if isinstance(said, str) else call.arguments)

    async def make(self, calls: Sequence[RawCall], seconds: float) -> AsyncGenerator[Made, None]:
        """Each call's result, in the order asked, as soon as those before it are there."""
        slots = asyncio.Semaphore(self.parallel)
        tasks = [asyncio.ensure_future(self._one(call, slots, seconds)) for call in calls]
        try:
            for call, task in zip(calls, tasks, strict=True):
                await asyncio.wait({task})
                yield Made(call, await self._cleaned(_result_of(task)))
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=GRACE_SECONDS)

    async def _one(self, raw: RawCall, slots: asyncio.Semaphore, seconds: float) -> Result:
        found = self.by_name.get(raw.name)
        if found is None:
            names = ", ".join(sorted(self.by_name)) or "none"
            return Result(NOT_MADE, error=f"There is no tool {raw.name!r}. There is: {names}.")
        tool, source = found
        try:
            call = Call(raw.id, raw.name, read_arguments(raw.arguments, tool))
        except BrokenArguments as fault:
            return Result(NOT_MADE, error=str(fault))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        async with slots:
            # Who had to wait for its turn has what is left of the turn's time, and no more.
            left = min(self.seconds, deadline - loop.time())
            return await _bounded(source, call, left)

    async def _cleaned(self, result: Result) -> Result:
        size = sum(map(len, (result.stdout, result.stderr, result.error)))
        return self._clean(result) if size <= MAX_AT_ONCE else await asyncio.to_thread(self._clean, result)

    def _clean(self, result: Result) -> Result:
        if self.cleaner is None:
            return result
        stdout, stderr, error = (self.cleaner.clean(text)[0] for text in (result.stdout, result.stderr, result.error))
        return replace(result, stdout=stdout, stderr=stderr, error=error)


async def _bounded(source: Source, call: Call, seconds: float) -> Result:
    late = Result(TIMED_OUT, timed_out=True, error=f"The call was stopped after {max(seconds, 0.0):.1f} s.")
    if seconds <= 0:
        return late
    calling = asyncio.ensure_future(source.call(call, seconds))
    try:
        await asyncio.wait({calling}, timeout=seconds + GRACE_SECONDS)
    finally:
        calling.cancel()
    await asyncio.wait({calling}, timeout=GRACE_SECONDS)
    return _result_of(calling) if calling.done() and not calling.cancelled() else late


def _result_of(task: asyncio.Future[Result]) -> Result:
    if task.cancelled():
        return Result(NOT_MADE, error="The call was cancelled.")
    if (error := task.exception()) is not None:
        # A fault of ours or of a library: the run goes on, the log has the rest.
        _log.error("a tool call raised", exc_info=error)
        return Result(NOT_MADE, error=f"The tool failed unexpectedly ({type(error).__name__}).")
    return task.result()


def _schema(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}
