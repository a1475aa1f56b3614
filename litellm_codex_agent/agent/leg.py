"""One request's part of a run: begun with a new conversation, or resumed with what the client's tools have said.

Law: whatever is wrong with a request is found here, before the first call of a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from ..backends.backend import Task
from ..tools.source import ToolsUnavailable
from . import prompt
from .budget import asked_for
from .conversation import Conversation
from .hands import Hands, Made
from .job import Job
from .parking import Answers, Parking
from .setup import Setup
from .structured import checker
from .wanted import Wanted, client_tools, wanted
from .workbench import Workbench, opened

__all__ = ["Leg", "begun", "resumed"]

# `escalate_model` under it is not called where the operator says so.
CHUTES = "chutes/"
_BAD_REQUEST = 400
_GONE = 404
# The client's side of a call; what steers the model goes on to it, and these are the loop's own.
_LOOPS = ("tools", "tool_choice", "response_format")


@dataclass
class Leg:
    """A run at work. `stack` closes what it holds open, `skipped` are the fields that were given and not followed."""

    tenant: str
    conversation: Conversation
    job: Job
    isolation: str | None = None
    skipped: tuple[str, ...] = ()
    kept: list[Made] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack, repr=False)

    async def close(self) -> None:
        """Ends all that it holds open."""
        await self.stack.aclose()


async def begun(setup: Setup, task: Task) -> Leg:
    """A new run. Raises `RefusedParameter`, `ToolsUnavailable`, `SandboxUnavailable`, `NoSuchModel` and `NotReady`."""
    want = wanted(task.options, network=setup.network)
    check = checker(task.parameters.get("response_format"))
    clients = client_tools(task.parameters)
    model = await setup.models.model(task.model or setup.model)
    skipped = setup.skip_chutes and want.escalate_to.startswith(CHUTES)
    escalation = await setup.models.model(want.escalate_to) if want.escalate_to and not skipped else None
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(opened(setup, want, task.run_id))
        hands = Hands(bench.sources, setup.scanner, setup.tool_seconds, setup.tool_parallel)
        if double := hands.by_name.keys() & {tool["function"]["name"] for tool in clients}:
            own = f"`tools` has {min(double)!r}, which is a tool of the agent's own. Give yours another name."
            raise ToolsUnavailable(own, status=_BAD_REQUEST)
        leg = Leg(task.tenant, _conversation(task, want, bench, clients), Job(model), bench.isolation)
        leg.skipped = ("escalate_model",) if skipped else ()
        leg.job = Job(
            model,
            hands,
            asked_for(task.options.get("budgets") or {}, setup.budgets),
            parameters={name: value for name, value in task.parameters.items() if name not in _LOOPS},
            client_tools=clients,
            tool_choice=_forced(task.parameters),
            escalation=escalation,
            check=check,
            changes=bench.changes,
            keep=leg.kept.append if setup.trace else _forget,
            run_code=want.run_code,
            # One plain call is one, whatever comes of it.
            repair=want.repair and want.source != "router",
        )
        leg.stack = stack.pop_all()
    return leg


def resumed(parking: Parking[Leg], tenant: str, answers: Answers) -> Leg:
    """The run that waited for these answers. Raises `ToolsUnavailable` where there is none, or one is missing."""
    leg = parking.take(answers.run_id, tenant)
    if leg is None:
        raise ToolsUnavailable(
            f"No run waits for these tool results: it was answered already, waited for longer than "
            f"{parking.seconds:g} s, or its server was restarted. Ask anew.",
            status=_GONE,
        )
    if why := _wrong(set(leg.conversation.waits_for), answers):
        parking.put(answers.run_id, leg)
        raise ToolsUnavailable(why, status=_BAD_REQUEST)
    return leg


def _wrong(waits_for: set[str], answers: Answers) -> str:
    """What is the matter with these results; the run waits on for the right ones."""
    if foreign := {*answers.by_call, *answers.others} - waits_for:
        return f"The result of {min(foreign)!r} belongs to no call that waits."
    if missing := waits_for - answers.by_call.keys():
        return f"The result of {min(missing)!r} is missing."
    return f"The result of {answers.others[0]!r} is there more than once." if answers.others else ""


def _forget(_: Made) -> None:
    """Without a trace, nobody needs the whole output."""


def _conversation(task: Task, want: Wanted, bench: Workbench, clients: Sequence[Mapping[str, Any]]) -> Conversation:
    text = ""
    if want.source != "router":
        text = prompt.opening(
            tools=bool(bench.sources or clients),
            workspace=bench.workspace is not None and want.source == "local",
            response_format=task.parameters.get("response_format"),
        )
    opening = [{"role": "system", "content": text}] if text else []
    return Conversation((*opening, *task.messages), task.run_id)


def _forced(parameters: Mapping[str, Any]) -> Any:
    """What the first call has to be, where the client says so."""
    choice = parameters.get("tool_choice")
    return None if choice in (None, "auto", "none") else choice
