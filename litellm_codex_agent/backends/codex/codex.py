"""`codex`: the real Codex behind the Backend protocol."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from ...agent.structured import checker
from ...agent.telling import Tell, events
from ...sandbox.command import SandboxUnavailable
from ...tools.source import ToolsUnavailable
from ..backend import NotReady, Task, Wall
from ..events import Done, Event, Failure
from ..parameters import BUDGETS, HARMLESS, STEERING, Parameters, RefusedParameter
from .connection import Gone, Refused
from .conversation import opening
from .want import look

if TYPE_CHECKING:
    from .kit import Kit

__all__ = ["Codex"]

_HONOURED = frozenset({"reasoning_effort", "response_format", "tool_choice", "tools"})
_OPTIONS = frozenset({"permissions", "use_tools", "workspace"})
_NOT_OPEN = "It is not open yet."
_ENDS: Mapping[type[Exception], tuple[int, str]] = {
    RefusedParameter: (400, "unsupported_parameter"),
    NotReady: (503, "not_ready"),
    Gone: (502, "agent_failed"),
    Refused: (502, "agent_failed"),
}
_FAULTS: tuple[type[Exception], ...] = (SandboxUnavailable, ToolsUnavailable, OSError, *_ENDS)


class Codex:
    """Opened with its server; where it cannot be, it says why and all else works."""

    name = "codex"
    parameters = Parameters(honoured=_HONOURED, ignored=HARMLESS | (STEERING - _HONOURED), options=_OPTIONS | BUDGETS)

    def __init__(self, equip: Callable[[], AbstractAsyncContextManager[Kit]]) -> None:
        self._equip = equip
        self._kit: Kit | None = None
        self._why = _NOT_OPEN
        self.wall = Wall(None, _NOT_OPEN)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Finds what it needs. Its processes start when they are needed, and end with the block."""
        async with AsyncExitStack() as stack:
            try:
                self._kit = await stack.enter_async_context(self._equip())
                self.wall = Wall(self._kit.sandbox.level)
            except NotReady as error:
                self._why = str(error)
                self.wall = Wall(None, str(error))
            try:
                yield
            finally:
                self._kit, self._why = None, _NOT_OPEN

    def models(self) -> Sequence[str]:
        return [self.name]

    def check(self, model: str) -> None:
        """Whether it can work; whether there is such a model is known when it is asked."""
        if self._kit is None:
            raise NotReady(self._why)

    def look(
        self, messages: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any], options: Mapping[str, Any]
    ) -> None:
        assert self._kit is not None, "codex is looked at once it is ready"
        look(parameters, options, network=self._kit.network)
        checker(parameters.get("response_format"))
        opening(messages, continues=False)

    def answer(self, task: Task) -> AsyncGenerator[Event, None]:
        return events(partial(self._answer, task))

    async def _answer(self, task: Task, tell: Tell) -> Done:
        from .run import run

        assert self._kit is not None, "codex is open while it answers"
        try:
            return await run(self._kit, task, tell)
        except _FAULTS as error:
            reason = "sandbox_unavailable" if isinstance(error, SandboxUnavailable) else "model_error"
            return Done(reason, failure=_failure(error))


def _failure(error: Exception) -> Failure:
    """How a run ends that could not be begun, or whose Codex went away."""
    if isinstance(error, ToolsUnavailable):
        return Failure(error.status, str(error), "tools_unavailable")
    if isinstance(error, SandboxUnavailable):
        return Failure(422, str(error), "sandbox_unavailable")
    if isinstance(error, OSError):
        return Failure(503, f"Codex cannot be started: {error.strerror or error}.", "not_ready")
    status, code = next(end for kind, end in _ENDS.items() if isinstance(error, kind))
    return Failure(status, str(error), code)
