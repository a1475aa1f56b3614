"""A response that follows a run: it begins when there is something to say, and ends with the run or with its client.

Law: whatever fails before the first byte is a status. After the head has been sent a fault is an error event, and the
stream still ends by its mark.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from ..backends.events import Failure
from ..runs.ending import error_of
from ..runs.identity import Ask
from ..runs.journal import JournalError
from ..runs.run import Run, Told
from ..runs.slots import Busy
from ..runs.supervisor import Draining, Follower, KeyReused, Supervisor
from ..runs.work import Work
from ..wire import sse
from .access_log import RUN_ID
from .errors import HttpError, to_response

__all__ = [
    "BEAT_SECONDS",
    "EVENT_STREAM",
    "Face",
    "Reply",
    "cannot_read",
    "error_event",
    "refusal_of",
    "stream_events",
]

# How long a stream's head is held for the first word of its run, so that a refusal is still a status; after it
# the client hears a comment as often, which is life to who reads the socket.
BEAT_SECONDS = 15.0
# A proxy hands on no comments, and its clients cut a stream after 60 s of silence: at this beat they hear a chunk.
BEATS_TO_A_CHUNK = 3
# Busy for a moment only: the drain of a server, or a disk that is full.
_SOON = "5"

EVENT_STREAM = {"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"}


class Face(Protocol):
    """How one kind of route writes a run."""

    def whole(self, run: Run) -> Mapping[str, Any]:
        """The body of an answer that is not streamed."""
        ...

    def pieces(self, run: Run, told: Told) -> Iterable[bytes]:
        """What one event becomes in a stream; nothing where it is none of this face's business."""
        ...

    def silence(self, run: Run) -> bytes:
        """What a run that tells nothing becomes in a stream, now and then; nothing where comments do."""
        ...

    def failed(self, run: Run) -> Failure | None:
        """The failure that is a status, where the face has statuses for them."""
        ...


@dataclass(frozen=True)
class Reply:
    """The ASGI response of a request that starts a run or attaches to one."""

    supervisor: Supervisor
    ask: Ask
    work: Work
    face: Face
    stream: bool
    beat: float = BEAT_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self.supervisor.follow(self.ask, self.work) as follower:
                writing = self._stream(follower, scope, receive, send) if self.stream else None
                await _until_gone(receive, writing or self._whole(follower, scope, receive, send))
        except (Busy, Draining, KeyReused, JournalError) as error:
            await to_response(refusal_of(error))(scope, receive, send)

    async def _whole(self, follower: Follower, scope: Scope, receive: Receive, send: Send) -> None:
        run = follower.run
        await run.ended()
        follower.answering = True
        if failure := self.face.failed(run):
            await _failed(failure, run.id)(scope, receive, send)
        else:
            await JSONResponse(self.face.whole(run), headers={RUN_ID: run.id})(scope, receive, send)
        follower.delivered()

    async def _stream(self, follower: Follower, scope: Scope, receive: Receive, send: Send) -> None:
        run = follower.run
        async with aclosing(run.follow(beat=self.beat)) as events:
            first = await anext(events)
            if run.done is not None and (failure := self.face.failed(run)):
                await _failed(failure, run.id)(scope, receive, send)
            else:
                await send(_head(run))
                follower.answering = True
                silent = 0 if first else 1
                await send(_part(self._piece(run, first, silent)))
                async for told in events:
                    silent = 0 if told else silent + 1
                    await send(_part(self._piece(run, told, silent)))
                await send({"type": "http.response.body", "body": b""})
        follower.delivered()

    def _piece(self, run: Run, told: Sequence[Told], silent: int) -> bytes:
        if silent and silent % BEATS_TO_A_CHUNK == 0:
            return self.face.silence(run)
        return _pieces(self.face, run, told)


async def stream_events(run: Run, face: Face, after: int, receive: Receive, send: Send) -> None:
    """A run's events from number `after` on, for somebody who only watches: the run lives on without him."""

    async def write() -> None:
        await send(_head(run))
        async with aclosing(run.follow(after, BEAT_SECONDS)) as events:
            async for told in events:
                await send(_part(_pieces(face, run, told)))
        await send({"type": "http.response.body", "body": b""})

    await _until_gone(receive, write())


async def _until_gone(receive: Receive, writing: Awaitable[None]) -> None:
    """Write, but no longer than the client is there."""
    written = asyncio.ensure_future(writing)
    left = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({written, left}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (written, left):
            task.cancel()
        await asyncio.wait({written, left})
    if not written.cancelled() and (error := written.exception()) is not None:
        raise error


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _head(run: Run) -> Message:
    headers = [(name.encode(), value.encode()) for name, value in {**EVENT_STREAM, RUN_ID: run.id}.items()]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _pieces(face: Face, run: Run, told: Sequence[Told]) -> bytes:
    """What is there, for one write; where nothing is, a sign of life."""
    return b"".join(piece for each in told for piece in face.pieces(run, each)) if told else sse.comment("working")


def _part(data: bytes) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": True}


def _failed(failure: Failure, run_id: str) -> JSONResponse:
    """A run's failure as a status, with what the caller needs to try again."""
    headers = {RUN_ID: run_id}
    if failure.retry_after is not None:
        headers["retry-after"] = str(max(1, round(failure.retry_after)))
    return to_response(HttpError(failure.status, failure.message, failure.code, headers=headers))


_REFUSALS: Mapping[type[Exception], Callable[[Any], HttpError]] = {
    Busy: lambda error: HttpError(429, str(error), "busy", headers={"retry-after": str(error.retry_after)}),
    Draining: lambda error: HttpError(503, str(error), "draining", headers={"retry-after": _SOON}),
    KeyReused: lambda error: HttpError(422, str(error), "idempotency_key_reused"),
    JournalError: lambda error: HttpError(503, error.told, "journal", headers={"retry-after": _SOON}),
}


def refusal_of(error: Exception) -> HttpError:
    """What the supervisor's refusal is called in HTTP."""
    return _REFUSALS[type(error)](error)


async def cannot_read(_: Request, error: Exception) -> JSONResponse:
    """The journal fails where a route asks it of a run: for `Starlette(exception_handlers=...)`."""
    return to_response(refusal_of(error))


def error_event(failure: Failure) -> bytes:
    """A failure inside an open stream, as OpenAI's clients read it; the status is for those who know of it."""
    return sse.encode(json.dumps({"error": error_of(failure)}), name="error")
