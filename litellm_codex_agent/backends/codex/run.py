"""One run of Codex: its place, its way to the model, its thread and its turn, and what it came to.

Law: what it opened is closed with it, in whatever way it ends. Of a thread that no session keeps, nothing stays.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...agent.budget import asked_for
from ...agent.structured import checker
from ...agent.telling import Tell
from ...relay.meter import Limits as ModelLimits
from ...relay.meter import Meter
from ...sandbox.command import Command, Limits
from ...sandbox.process import outlast
from ...sandbox.spoken import spoken
from ...tools.changes import Snapshot, changes
from ..backend import Task
from ..events import Done, Failure, FileChange
from .bridge import Environment
from .connection import Refused
from .conversation import Opening, opening
from .faults import end_of
from .kit import Kit
from .process import AppServer
from .progress import Progress
from .sessions import Session
from .turn import Turn
from .want import Want, want

__all__ = ["run"]

_FOR_EVER = 10.0**9
# Of the run's time, kept for its end: Codex is told to stop, and its files are looked at.
_END_SECONDS = 5.0
_END_SHARE = 0.1
# An exec-server reserves more memory than it uses, as node does.
# It has some fifteen threads, and the kernel counts those of all processes of a user.
_LIMITS = Limits(address_space=None, processes=1024)
# The one level at which a terminal can be had.
_WITH_TERMINALS = "bwrap"
_NO_OUTSIDE = {"sandbox": "danger-full-access", "approvalPolicy": "never"}


@dataclass
class _Place:
    """Where a run works."""

    environment: Environment
    workspace: Path
    before: Snapshot


async def run(kit: Kit, task: Task, tell: Tell) -> Done:
    """Raises `ToolsUnavailable`, `NotReady`, `Gone`, `Refused` and `OSError`, before or after it acted."""
    since = time.monotonic()
    budgets = asked_for(task.options.get("budgets") or {}, kit.budgets)
    wanted = want(task, network=kit.network, model=kit.model, cost_bound=budgets.cost_usd is not None)
    meter = Meter(ModelLimits(budgets.iterations, budgets.tokens, budgets.cost_usd), price=kit.prices)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(kit.sessions.taken(task.tenant, task.session))
        asked = opening(task.messages, continues=bool(session.thread()))
        space = await stack.enter_async_context(kit.workspaces.leased(wanted.workspace, task.run_id))
        before = await asyncio.to_thread(Snapshot.take, space.path)
        server = await stack.enter_async_context(kit.pool.lease("" if kit.upstream is None else task.tenant))
        child = await stack.enter_async_context(spoken(kit.sandbox, _executing(kit, space.path, wanted)))
        progress = Progress(whole=wanted.form is not None, workspace=str(space.path))
        turn = Turn(server, child, tell, progress, budgets.tool_calls)
        environment = stack.enter_context(kit.bridge.environment(child, turn.gate))
        place = _Place(environment, space.path, before)
        thread = _Thread(kit, server, session, place, wanted)
        try:
            turn.thread = await thread.loaded(asked)
            thread.begin(meter)
            until = since + budgets.seconds - min(budgets.seconds * _END_SHARE, _END_SECONDS)
            await turn.play(thread.first_words(asked), seconds=max(0.0, until - time.monotonic()))
        finally:
            # Whatever it has left running ends before its files are looked at.
            await outlast(child.bury())
            thread.leave(turn)
        for change in await _changed(place, kit):
            await tell(change)
        return _done(kit, wanted, turn, meter, thread.model)


def _executing(kit: Kit, workspace: Path, wanted: Want) -> Command:
    return Command(
        (str(kit.binary.path), "exec-server", "--listen", "stdio"),
        workspace,
        _FOR_EVER,
        writable=wanted.writable,
        network=wanted.network,
        readable=kit.binary.readable,
        limits=_LIMITS,
    )


@dataclass
class _Thread:
    """The conversation that the run is a turn of."""

    kit: Kit
    server: AppServer
    session: Session
    place: _Place
    wanted: Want
    id: str = ""
    # As Codex says, which knows its own choice.
    model: str = ""

    async def loaded(self, asked: Opening) -> str:
        """The session's, from this process, from its file, or a new one."""
        place = self.place.environment
        added = {"environmentId": place.id, "execServerUrl": place.url, "authBearerToken": place.token}
        self.server.runs += 1
        await self.server.call("environment/add", added)
        self.id = self.session.thread()
        if self.id in self.server.threads:
            return self.id
        seat = self.kit.relay.seat(self.kit.upstream) if self.kit.upstream else None
        config = self._config(seat.token if seat else "")
        with ExitStack() as failing:
            if seat is not None:
                failing.callback(seat.close)
            new = self._new(config, asked)
            told = await (self._resumed(config) if self.id else self.server.call("thread/start", new))
            failing.pop_all()
        self.id, self.model = str(told["thread"]["id"]), str(told.get("model") or "")
        self.server.threads[self.id] = seat
        if asked.history:
            await self.server.call("thread/inject_items", {"threadId": self.id, "items": list(asked.history)})
        return self.id

    def begin(self, meter: Meter) -> None:
        """From now on its model may be asked, for this run."""
        if (seat := self.server.threads.get(self.id)) is not None:
            seat.meter = meter

    def first_words(self, asked: Opening) -> Mapping[str, Any]:
        """What the turn starts with."""
        place = {"environmentId": self.place.environment.id, "cwd": str(self.place.workspace)}
        reach = "enabled" if self.wanted.network else "restricted"
        return {
            "input": list(asked.input),
            # What the model is told of the wall.
            "sandboxPolicy": {"type": "externalSandbox", "networkAccess": reach},
            "environments": [place],
            **({"model": self.wanted.model} if self.wanted.model else {}),
            **({"effort": self.wanted.effort} if self.wanted.effort else {}),
            **({"outputSchema": self.wanted.schema} if self.wanted.schema else {}),
        }

    def leave(self, turn: Turn) -> None:
        """Its model may not be asked any more. A thread goes on where its session keeps it, else it is forgotten.

        A session is kept from its first turn that came to anything: one that failed before that is asked anew.
        """
        seat = self.server.threads.get(self.id)
        if seat is not None:
            seat.meter = None
        if turn.progress.status == "completed" or turn.progress.calls:
            self.session.keep(self.id)
        if self.session.thread() == self.id or self.id not in self.server.threads:
            return
        del self.server.threads[self.id]
        if seat is not None:
            seat.close()
        self.server.forget(self.id)

    async def _resumed(self, config: Mapping[str, Any]) -> Any:
        asked = {**config, "threadId": self.id, "excludeTurns": True}
        # A run that was cut off while Codex loaded it has left it there, with a seat that is gone, and Codex keeps to
        # what it was loaded with for as long as anybody listens.
        with suppress(Refused):
            await self.server.call("thread/unsubscribe", {"threadId": self.id})
        try:
            return await self.server.call("thread/resume", asked)
        except Refused as error:
            self.session.forget()
            raise Refused(
                f"Codex knows this session's conversation no more: {error}. The next request begins it anew."
            ) from error

    def _config(self, token: str) -> dict[str, Any]:
        config: dict[str, Any] = {"allow_login_shell": False, "shell_environment_policy": {"inherit": "all"}}
        if token:
            config |= {"model_provider": "relay", "model_providers.relay": _provider(self.kit.relay.address, token)}
        if not self.wanted.network:
            config["web_search"] = "disabled"
        if self.kit.sandbox.level != _WITH_TERMINALS:
            config["features.unified_exec_tty"] = False
        named = {"model": self.wanted.model} if self.wanted.model else {}
        return {**_NO_OUTSIDE, **named, "cwd": "/", "config": config}

    def _new(self, config: Mapping[str, Any], asked: Opening) -> dict[str, Any]:
        place = {"environmentId": self.place.environment.id, "cwd": str(self.place.workspace)}
        told = {"developerInstructions": asked.instructions} if asked.instructions else {}
        return {**config, **told, "environments": [place]}


def _provider(address: str, token: str) -> dict[str, Any]:
    """The relay, as Codex names a provider. It tries nothing again: that is the Router's."""
    return {
        "name": "relay",
        "base_url": f"{address}/v1",
        "wire_api": "responses",
        "experimental_bearer_token": token,
        "supports_websockets": False,
        "request_max_retries": 0,
        "stream_max_retries": 0,
    }


async def _changed(place: _Place, kit: Kit) -> list[FileChange]:
    found = await asyncio.to_thread(changes, place.before, place.workspace)
    return [FileChange(each.path, each.kind, kit.scanner.clean(each.diff)[0]) for each in found]


def _done(kit: Kit, wanted: Want, turn: Turn, meter: Meter, model: str) -> Done:
    progress = turn.progress
    usage = meter.usage if kit.upstream else progress.usage
    metrics = {
        "iterations": meter.requests,
        "used_model": wanted.model or model or None,
        "isolation": kit.sandbox.level,
        "ignored": list(wanted.unbound(usage)),
    }
    if turn.over.done() or meter.refused:
        return Done(turn.over.result() if turn.over.done() else meter.refused, usage, metrics=metrics)
    if turn.lost:
        return Done("model_error", usage, Failure(502, turn.lost, "agent_failed"), metrics)
    end = end_of(progress.status, progress.error, meter.failure)
    reason, failure = end.stopped_reason, end.failure
    if reason == "success" and (check := checker(wanted.form)) is not None:
        why = check(turn.answer)
        if why:
            failure = Failure(502, f"Codex's answer does not have the form that was asked for: {why}", "answer_unfit")
            reason = "model_error"
    return Done(reason, usage, failure, metrics)
