"""/agent/run and /agent/runs: a run answered with its envelope, watched by its events, or left to itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ..backends.events import Done, Failure
from ..backends.telling import to_json
from ..runs import ending
from ..runs.journal import JournalError
from ..runs.run import Run, Told
from ..runs.slots import Busy
from ..runs.supervisor import Draining, KeyReused
from ..runs.work import CLOSE_SECONDS
from ..wire import sse
from ..wire.run_request import RunRequest, read_run
from ..wire.strict_json import write_json
from .access_log import RUN_ID
from .body import read_body
from .errors import HttpError
from .guard import caller_of
from .house import House, ask_of, read
from .reply import EVENT_STREAM, Reply, refusal_of, stream_events

__all__ = ["answer_run", "begin_run", "cancel_run", "envelope", "show_run", "watch_run"]

LAST_EVENT_ID = "last-event-id"
ECHO, MINI = "echo", "mini"


async def answer_run(house: House, request: Request) -> Reply:
    """POST /agent/run: one run, and its envelope."""
    asked = await _asked(house, request)
    stream = EVENT_STREAM["content-type"] in request.headers.get("accept", "")
    return Reply(
        house.supervisor,
        ask_of(request, asked.digest),
        house.work(asked, request, field="", secrets=asked.secrets),
        _Envelopes(),
        stream,
        house.beat,
    )


async def begin_run(house: House, request: Request) -> Response:
    """POST /agent/runs: a run that outlives its request."""
    asked = await _asked(house, request)
    work = house.work(asked, request, field="", secrets=asked.secrets)
    try:
        run = await house.supervisor.begin(ask_of(request, asked.digest), work)
    except (Busy, Draining, KeyReused, JournalError) as error:
        raise refusal_of(error) from error
    headers = {RUN_ID: run.id, "location": f"/agent/runs/{run.id}"}
    return JSONResponse(_status(run), status_code=202, headers=headers)


async def show_run(house: House, request: Request) -> Response:
    """GET /agent/runs/{id}."""
    run = await _found(house, request)
    return JSONResponse(_status(run), headers={RUN_ID: run.id})


async def watch_run(house: House, request: Request) -> _Watching | Response:
    """GET /agent/runs/{id}/events, from the event behind `Last-Event-ID` on."""
    run, after = await _found(house, request), _after(request)
    if run.done is not None and run.done.stopped_reason != "interrupted" and after >= len(run.told):
        # Who has heard all of it is told that there is no more, so that he need not come again. Of a run that was
        # interrupted he may have heard what was lost with the server, and not its end.
        return Response(sse.encode("[DONE]"), headers={**EVENT_STREAM, RUN_ID: run.id})
    return _Watching(run, after)


async def cancel_run(house: House, request: Request) -> Response:
    """DELETE /agent/runs/{id}; answered when the run has ended, with how it did."""
    run = await _found(house, request)
    house.supervisor.stop(run, "cancelled")
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(run.ended(), CLOSE_SECONDS)
    return JSONResponse(_status(run), headers={RUN_ID: run.id})


def envelope(run: Run) -> dict[str, Any]:
    """An ended run as /agent/run answers it."""
    done, asked = run.done or Done("interrupted"), json.loads(run.record.asked).get("messages", [])
    return ending.envelope(run.id, asked, run.story, done, acted=run.acted, seconds=run.seconds)


@dataclass(frozen=True)
class _Envelopes:
    """A run as its events, and then its envelope. A run that failed is told by the envelope, not by the status."""

    def failed(self, run: Run) -> Failure | None:
        return None

    def whole(self, run: Run) -> Mapping[str, Any]:
        return envelope(run)

    def pieces(self, run: Run, told: Told) -> Iterable[bytes]:
        event = to_json(told.event)
        yield sse.encode(write_json(event).decode(), name=event["kind"], id=str(told.seq))
        if isinstance(told.event, Done):
            yield sse.encode(write_json(envelope(run)).decode(), name="envelope", id=str(told.seq))
            yield sse.encode("[DONE]")

    def silence(self, run: Run) -> bytes:
        return sse.comment("working")


@dataclass(frozen=True)
class _Watching:
    """The response of somebody who only watches."""

    run: Run
    after: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await stream_events(self.run, _Envelopes(), self.after, receive, send)


async def _asked(house: House, request: Request) -> RunRequest:
    """Any name that is no backend's is a model for the mini-agent, and of `echo` it is asked what it likes."""
    asked = await read(read_run, await read_body(request))
    if asked.tool_backend == ECHO:
        return replace(asked, model=ECHO)
    name = asked.model.partition(":")[0]
    if name in house.backends and name != MINI:
        return asked
    model = asked.model if name == MINI else f"{MINI}:{asked.model}"
    return replace(asked, model=model, options={**asked.options, "tool_backend": asked.tool_backend})


async def _found(house: House, request: Request) -> Run:
    caller, run_id = caller_of(request.scope), request.path_params["run_id"]
    run = await house.supervisor.find(run_id, None if caller.operator else caller.tenant)
    if run is None:
        # The same words whether it is another tenant's or nobody's.
        raise HttpError(404, "There is no such run, or it is not kept any more.", "run_not_found", param="run_id")
    return run


def _after(request: Request) -> int:
    text = request.headers.get(LAST_EVENT_ID, "0").strip()
    if not text.isdecimal() or len(text) > 9:
        raise HttpError(400, "`Last-Event-ID` has to be the number of an event.", "invalid_value", LAST_EVENT_ID)
    return int(text)


def _status(run: Run) -> dict[str, Any]:
    record = run.record
    told: dict[str, Any] = {
        "run_id": run.id,
        "status": record.state,
        "backend": record.backend,
        "model": record.model,
        "session_id": record.session,
        "created": record.created,
        "started": record.started,
        "ended": record.ended,
        "last_event": len(run.told),
    }
    if run.done is not None:
        told |= {"stopped_reason": run.done.stopped_reason, "envelope": envelope(run)}
    return {name: value for name, value in told.items() if value not in (None, "")}
