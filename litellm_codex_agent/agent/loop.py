"""The mini-agent's loop: ask the model, make its calls, ask again, until it answers or a budget ends.

Law: the model has the last word. A budget that ends leaves it one more, without tools; a tool's success is no answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..backends.events import ClientCall, Done, Event, Failure, Text, Thought, ToolResult
from ..backends.faults import failure_of
from ..backends.held import HOLD_CHARS
from ..errors import AgentError
from . import prompt
from .budget import Spent, ended, work_seconds
from .conversation import Conversation
from .job import Job
from .model import Asked, Model, RawCall, Reply
from .reading import Answer, Calls, Refusal, Unreadable, read
from .structured import bare
from .telling import Tell
from .turn import Turn

__all__ = ["Loop"]

# Unreadable replies in a row that end the run.
MOST_UNREADABLE = 3
# A run that has acted cannot be begun anew by its caller, so it asks again itself; before, that is the Router's.
MODEL_TRIES = 3
MODEL_PAUSE_SECONDS = 1.0
# Kept of a run's time for saying how it ended, before whoever runs it loses patience.
END_SECONDS = 0.1
_TRANSIENT = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
_BAD_GATEWAY = 502
_NOT_AGAIN = 422


class Loop:
    """One request's part of a conversation: to its end, or to where the client has to answer."""

    def __init__(
        self,
        job: Job,
        conversation: Conversation,
        tell: Tell,
        *,
        since: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job = job
        self._talk = conversation
        self._tell_on = tell
        self._clock = clock
        # The caller's clock runs since the request came, and what had to be opened took its time.
        self._since = clock() if since is None else since
        # What stands before the next text: nothing before the first, None inside of one.
        self._apart: str | None = ""
        self.model = job.model
        self.escalated = False
        # Whether this request has acted, whatever those before it did.
        self.acted = False

    async def work(self) -> Done:
        """Steps, until one of them is the end."""
        done = None
        while done is None:
            reason = ended(self.spent, self._job.budgets)
            done = await (self._last(reason) if reason else self._step())
        self._talk.spent = self.spent
        return done

    @property
    def spent(self) -> Spent:
        """With the time since this request began."""
        spent = self._talk.spent
        return replace(spent, seconds=spent.seconds + self._clock() - self._since)

    async def _step(self) -> Done | None:
        job, talk = self._job, self._talk
        turn = Turn(hold=None if job.check else HOLD_CHARS if job.schemas else 0)
        await self._ask(turn, job.model, job.schemas, self._left)
        if turn.reply is None:
            return await self._last("budget") if turn.late else _unanswered(turn)
        talk.spent = replace(talk.spent, iterations=talk.spent.iterations + 1)
        offered = [tool["function"]["name"] for tool in job.schemas]
        verdict = read(turn.reply, offered, run_code=job.run_code)
        talk.unreadable = talk.unreadable + 1 if isinstance(verdict, Unreadable) else 0
        if isinstance(verdict, Calls):
            return await self._act(turn, turn.reply, verdict.calls)
        if isinstance(verdict, Unreadable):
            return self._not_read(turn.reply, verdict.why)
        if isinstance(verdict, Refusal):
            await self._answer(turn.held)
            return Done("refused")
        return await self._judge(turn, turn.reply, verdict)

    async def _act(self, turn: Turn, reply: Reply, raw: Sequence[RawCall]) -> Done | None:
        """Make the calls of one turn; those of the client's tools end this request."""
        job, talk = self._job, self._talk
        if turn.held:
            await self._tell(Thought(turn.held))
        calls = talk.call(reply, raw, job.client_names)
        own = [call for call in calls if call.name not in job.client_names]
        # Some is left: where none is, no turn begins.
        room = job.budgets.tool_calls - talk.spent.tool_calls
        for call in own[:room]:
            talk.acted = self.acted = True
            await self._tell(job.hands.event(call))
        for call in own[room:]:
            talk.result(call.id, prompt.over_budget())
        talk.spent = replace(talk.spent, tool_calls=talk.spent.tool_calls + len(own))
        made = []
        async for each in job.hands.make(own[:room], self._left):
            told = each.result.told()
            talk.result(each.call.id, told)
            job.keep(each)
            made.append((each.call.name, each.call.arguments, told))
            await self._tell(ToolResult(each.call.id, each.result.ok, each.result.shown()))
        if waiting := [call for call in calls if call.id in talk.waits_for]:
            return await self._park(waiting)
        return Done("repeated_tool_call") if talk.repeats.see(made) else None

    async def _park(self, waiting: Sequence[RawCall]) -> Done:
        await self._tell_changes()
        for call in waiting:
            await self._tell(ClientCall(call.id, call.name, call.arguments))
        return Done("tool_calls")

    async def _judge(self, turn: Turn, reply: Reply, answer: Answer) -> Done | None:
        """The answer, if it is what was asked for; a wrong one is sent back once."""
        why = self._job.check(answer.text) if self._job.check else ""
        if why and self._job.repair and not self._talk.repaired:
            self._talk.repaired = True
            self._send_back(reply, why)
            return None
        if why:
            return Done("model_error", failure=_unfit(why))
        self._talk.say("assistant", answer.text)
        await self._answer(turn.held)
        return Done("max_tokens" if answer.cut else "success")

    def _not_read(self, reply: Reply, why: str) -> Done | None:
        if not self._job.repair or self._talk.unreadable >= MOST_UNREADABLE:
            return Done("repeated_format_error")
        self._send_back(reply, why)
        return None

    def _send_back(self, reply: Reply, why: str) -> None:
        # Providers take no empty message, and no call without its result.
        self._talk.say("assistant", reply.text or "(nothing)")
        self._talk.say("user", prompt.unreadable(why))

    async def _last(self, reason: str) -> Done:
        """One more call, without tools, by another model where that was asked for."""
        job = self._job
        if job.escalation is not None:
            self.model, self.escalated = job.escalation, True
        self._talk.say("user", prompt.last_words(reason))
        turn = Turn(hold=None if job.check else 0)
        await self._ask(turn, self.model, [], job.budgets.seconds - END_SECONDS - self.spent.seconds)
        text = turn.reply.text if turn.reply else ""
        why = job.check(text) if job.check and text else ""
        if text and not why:
            self._talk.say("assistant", text)
            await self._answer(turn.held)
        if turn.told or (text and not why):
            return Done(reason)
        fault = _unfit(why) if why else failure_of(turn.failure) if turn.failure else None
        return Done(reason, failure=fault and replace(fault, status=_NOT_AGAIN, code="run_failed"))

    async def _ask(self, turn: Turn, model: Model, tools: Sequence[Mapping[str, Any]], seconds: float) -> None:
        """One question. After the first act a passing failure is asked again, for nobody else can."""
        job = self._job
        forced = {"tool_choice": job.tool_choice} if job.tool_choice and tools and not self._talk.added else {}
        try:
            self._talk.fit(model.window, tools)
        except AgentError as error:
            turn.failure = error
            return
        asked = Asked(self._talk.messages, tools, {**job.parameters, **forced})
        deadline = self._clock() + seconds
        for number in range(MODEL_TRIES):
            await turn.ask(model, asked, deadline - self._clock(), self._tell)
            if turn.reply is not None:
                self._talk.spent = replace(self._talk.spent, usage=self._talk.spent.usage.plus(turn.reply.usage))
            pause = _pause(turn, number) if self._talk.acted else None
            if pause is None or pause > deadline - self._clock():
                return
            await asyncio.sleep(pause)

    @property
    def _left(self) -> float:
        return work_seconds(self._job.budgets) - self.spent.seconds

    async def _answer(self, text: str) -> None:
        text = bare(text) if self._job.check else text
        if text:
            await self._tell(Text(text))

    async def _tell(self, event: Event) -> None:
        """What was changed is told before the answer; an answer that follows an earlier text stands apart from it."""
        if isinstance(event, Text) and self._apart is not None:
            await self._tell_changes()
            await self._tell_on(Text(self._apart)) if self._apart else None
            self._apart = None
        elif isinstance(event, ToolResult) and self._apart is None:
            self._apart = "\n\n"
        await self._tell_on(event)

    async def _tell_changes(self) -> None:
        if self._talk.acted:
            for change in await self._job.changes():
                await self._tell_on(change)


def _unanswered(turn: Turn) -> Done:
    if turn.failure is None:
        return Done("model_error", failure=Failure(_BAD_GATEWAY, "The model ended without a reply.", "model_error"))
    return Done("model_error", failure=failure_of(turn.failure))


def _pause(turn: Turn, number: int) -> float | None:
    """How long to wait before the same is asked again; None where that is of no use."""
    if turn.failure is None or turn.told or turn.late or number + 1 == MODEL_TRIES:
        return None
    failure = failure_of(turn.failure)
    if failure.status not in _TRANSIENT:
        return None
    return failure.retry_after if failure.retry_after is not None else MODEL_PAUSE_SECONDS * 2**number


def _unfit(why: str) -> Failure:
    return Failure(_BAD_GATEWAY, f"The model's answer does not fit `response_format`: {why}", "answer_unfit")
