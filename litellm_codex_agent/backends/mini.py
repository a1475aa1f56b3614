"""`mini`: the mini-agent as a backend. A run that calls its client's tool waits, and the next request goes on with it.

Law: what a request opened is closed with it, unless the run waits for its client; and a request that failed before it
acted leaves the run waiting, so that it can be tried again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from ..agent.account import Start, account, trace_record
from ..agent.leg import Leg, begun, resumed
from ..agent.loop import Loop
from ..agent.parking import Parking, answers_of
from ..agent.setup import Setup
from ..agent.structured import checker
from ..agent.telling import Tell, events
from ..agent.wanted import client_tools, wanted
from ..sandbox.command import SandboxUnavailable
from ..tools.source import ToolsUnavailable
from .backend import NoSuchModel, NotReady, Task, Wall
from .events import Done, Event, Failure
from .parameters import BUDGETS, HARMLESS, STEERING, Parameters, RefusedParameter

__all__ = ["Mini"]

_HONOURED = frozenset({"response_format", "tool_choice", "tools"})
_OPTIONS = frozenset(
    {
        "auto_run_code_on_code_block",
        "enable_repair",
        "escalate_model",
        "escalate_on_budget_exceeded",
        "mcp_servers",
        "permissions",
        "tool_backend",
        "tool_http_base_url",
        "tool_http_headers",
        "use_tools",
        "workspace",
    }
)
_NO_MODEL = "It has no model. Set CODEX_AGENT_MODEL (--model), or ask for mini:<model>, as in mini:openai/gpt-5-mini."


class Mini:
    """The loop behind the Backend protocol."""

    name = "mini"
    parameters = Parameters(
        honoured=_HONOURED, passed=STEERING - _HONOURED, ignored=HARMLESS, options=_OPTIONS | BUDGETS
    )

    def __init__(self, equip: Callable[[], Awaitable[Setup]]) -> None:
        self._equip = equip
        self._setup: Setup | None = None
        self._parking: Parking[Leg] = Parking(0.0)
        self.wall = Wall(None, "It is not open yet.")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Finds out which wall works here. When the block ends, no run waits any more."""
        setup = self._setup = await self._equip()
        self._parking = Parking(setup.park_seconds)
        self.wall = Wall(setup.sandbox.level if setup.sandbox else None, setup.no_sandbox)
        try:
            yield
        finally:
            await self._parking.close()

    @property
    def setup(self) -> Setup:
        assert self._setup is not None, "mini is opened with its server"
        return self._setup

    def models(self) -> Sequence[str]:
        return [self.name, *(f"{self.name}:{name}" for name in self.setup.models.names())]

    def check(self, model: str) -> None:
        """Whether there is a model to ask; whether it answers is known when it is asked."""
        if model:
            self.setup.models.check(model)
            return
        if not self.setup.model:
            raise NotReady(_NO_MODEL)
        try:
            self.setup.models.check(self.setup.model)
        except NoSuchModel as error:
            # The request's name is right; it is the operator's that is none.
            raise NotReady(f"CODEX_AGENT_MODEL (--model) cannot be asked: {error}") from error

    def look(
        self, messages: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any], options: Mapping[str, Any]
    ) -> None:
        client_tools(parameters)
        checker(parameters.get("response_format"))
        want = wanted(options, network=self.setup.network)
        if not want.escalate_to:
            return
        try:
            self.setup.models.check(want.escalate_to)
        except (NoSuchModel, NotReady) as error:
            raise RefusedParameter("escalate_model", f"`escalate_model` cannot be asked: {error}") from error

    def answer(self, task: Task) -> AsyncGenerator[Event, None]:
        return events(partial(self._answer, task))

    async def _answer(self, task: Task, tell: Tell) -> Done:
        since = time.monotonic()
        answers = answers_of(task.messages)
        try:
            leg = resumed(self._parking, task.tenant, answers) if answers else await begun(self.setup, task)
        except SandboxUnavailable as error:
            return Done("sandbox_unavailable", failure=Failure(422, str(error), "sandbox_unavailable"))
        except ToolsUnavailable as error:
            return Done("model_error", failure=Failure(error.status, str(error), "tools_unavailable"))
        except NoSuchModel as error:
            return Done("model_error", failure=Failure(404, str(error), "model_not_found"))
        except NotReady as error:
            return Done("model_error", failure=Failure(503, str(error), "not_ready"))
        before = replace(leg, conversation=leg.conversation.copy()) if answers else None
        for call_id, text in (answers.by_call if answers else {}).items():
            leg.conversation.result(call_id, self.setup.scanner.clean(text)[0])
        for message in answers.added if answers else ():
            leg.conversation.added.append(message)
        return await self._work(task, leg, before, partial(Loop, leg.job, leg.conversation, tell, since=since))

    async def _work(self, task: Task, leg: Leg, before: Leg | None, make: Callable[[], Loop]) -> Done:
        start, done, loop = Start.of(leg.conversation), None, make()
        try:
            done = await loop.work()
        finally:
            await self._leave(leg, before if not loop.acted else None, done)
            if self.setup.trace is not None:
                record = trace_record(task, leg, loop, done)
                await asyncio.shield(asyncio.to_thread(self.setup.trace.write, record))
        return account(leg, loop, done, start)

    async def _leave(self, leg: Leg, before: Leg | None, done: Done | None) -> None:
        """Close it, or let it wait: for its client's tool, or as it was for the same answer once more."""
        name = leg.conversation.name
        if done is not None and done.stopped_reason == "tool_calls":
            self._parking.put(name, leg)
        elif before is not None and (done is None or done.failure is not None):
            self._parking.put(name, before)
        else:
            await leg.close()
