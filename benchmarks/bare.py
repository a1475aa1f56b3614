"""Bare uvicorn's contestant: an application that does nothing but send, event by event, the bytes that ours sends.

It has no runs, no journal and no checks; it counts who is inside, for the refusals.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from functools import cache

from starlette.types import Receive, Scope, Send

from litellm_codex_agent.backends.events import Done
from litellm_codex_agent.runs.identity import Ask
from litellm_codex_agent.runs.ledger import new_record
from litellm_codex_agent.runs.run import Run
from litellm_codex_agent.runs.work import Work
from litellm_codex_agent.server.access_log import RUN_ID
from litellm_codex_agent.server.chat import ChatFace
from litellm_codex_agent.server.reply import EVENT_STREAM
from litellm_codex_agent.wire.chat import error_body
from litellm_codex_agent.wire.chat_request import ChatRequest

from .steps import Plan, Steps, plan_of, script

__all__ = ["Bare"]

_STREAM = [(name.encode(), value.encode()) for name, value in {**EVENT_STREAM, RUN_ID: f"run_{'0' * 24}"}.items()]
_JSON = [(b"content-type", b"application/json")]
_BUSY = "All runs and all places in the queue are taken. Try again in about 10 s."


class Bare:
    """`most` streams at once; who comes then is refused."""

    def __init__(self, most: int, gate: asyncio.Event) -> None:
        self._most = most
        self._gate = gate
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        if scope["path"] == "/health":
            await _whole(send, 200, b'{"ok":true}')
            return
        plan = plan_of(json.loads(await _body(receive))["messages"])
        if self._inside >= self._most:
            body = json.dumps(error_body(_BUSY, type="rate_limit_error", code="busy")).encode()
            await _whole(send, 429, body, (b"retry-after", b"10"))
            return
        self._inside += 1
        try:
            await self._stream(plan, send)
        finally:
            self._inside -= 1

    async def _stream(self, plan: Plan, send: Send) -> None:
        if plan.held:
            await self._gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": _STREAM})
        for each, data in zip(script(plan), _bytes(plan.steps), strict=True):
            if not isinstance(each, float):
                await send({"type": "http.response.body", "body": data, "more_body": True})
            elif each:
                await asyncio.sleep(each)
        await send({"type": "http.response.body", "body": b""})


@cache
def _bytes(steps: int) -> list[bytes]:
    """What our server sends for each event of such a plan; nothing for a wait."""
    return list(_told(Plan(steps)))


def _told(plan: Plan) -> Iterator[bytes]:
    work = Work(Steps(asyncio.Event()), "", "steps", plan.messages)
    run = Run(new_record(Ask(), work, 0.0))
    face = ChatFace(ChatRequest(work.named, work.messages, stream=True, wants_usage=True, parameters={}, options={}))
    for each in script(plan):
        if isinstance(each, float):
            yield b""
            continue
        run.tell(each, 0.0)
        yield b"".join(face.pieces(run, run.told[-1]))
        assert (run.done is not None) == isinstance(each, Done)


async def _body(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _whole(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    told = [*_JSON, (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})
