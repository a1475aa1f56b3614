"""One run of Codex: its place, its way to the model, its thread and its turn, and what it came to.

Law: what it opened is closed with it, in whatever way it ends.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from ...agent.budget import asked_for
from ...agent.structured import checker
from ...agent.telling import Tell
from ...relay.meter import Limits as ModelLimits
from ...relay.meter import Meter
from ...sandbox.command import FOR_EVER, Command, Limits
from ...sandbox.process import outlast
from ...sandbox.spoken import spoken
from ...tools.changes import Snapshot, changes
from ...tools.secrets import Scanner
from ..backend import Task
from ..events import Done, Failure, FileChange, Usage
from .conversation import opening
from .faults import end_of
from .kit import Kit
from .progress import Progress
from .thread import Thread
from .turn import Turn
from .want import Want, want

__all__ = ["run"]

# Of the run's time, kept for its end: Codex is told to stop, and its files are looked at.
_END_SECONDS = 5.0
_END_SHARE = 0.1
# An exec-server reserves more memory than it uses, as node does.
# It has some fifteen threads, and the kernel counts those of all processes of a user.
_LIMITS = Limits(address_space=None, processes=1024)


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
        # What a new thread has taken is known.
        taken = None if session.thread() else Usage()
        progress = Progress(before=taken, whole=wanted.form is not None, workspace=str(space.path))
        turn = Turn(server, child, tell, progress, budgets.tool_calls)
        environment = stack.enter_context(kit.bridge.environment(child, turn.gate))
        thread = Thread(kit, server, session, environment, space.path, wanted)
        try:
            turn.thread = await thread.loaded(asked)
            thread.begin(meter)
            until = since + budgets.seconds - min(budgets.seconds * _END_SHARE, _END_SECONDS)
            await turn.play(thread.first_words(asked), seconds=max(0.0, until - time.monotonic()))
        finally:
            # Whatever it has left running ends before its files are looked at.
            await outlast(child.bury())
            thread.leave(turn)
        for change in await _changed(before, space.path, kit.scanner):
            await tell(change)
        return _done(kit, wanted, turn, meter, thread.model)


def _executing(kit: Kit, workspace: Path, wanted: Want) -> Command:
    return Command(
        (str(kit.binary.path), "exec-server", "--listen", "stdio"),
        workspace,
        FOR_EVER,
        writable=wanted.writable,
        network=wanted.network,
        readable=kit.binary.readable,
        limits=_LIMITS,
    )


async def _changed(before: Snapshot, workspace: Path, scanner: Scanner) -> list[FileChange]:
    found = await asyncio.to_thread(changes, before, workspace)
    return [FileChange(each.path, each.kind, scanner.clean(each.diff)[0]) for each in found]


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
