"""What an agent may ask: a few routes, with a token, inside a run, within its limits and a size.

Law: who may not ask is told so before a byte of the body is kept; an agent that goes away ends its request at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Receive, Scope, Send

from .dialects import DIALECTS, Told
from .forwarding import Ask, forward
from .meter import Meter
from .replying import Refusal, Reply
from .seats import Seat, Seats

__all__ = ["AT_ONCE", "Asking", "MAX_BODY_BYTES"]

# A long conversation with pictures.
MAX_BODY_BYTES = 32 * 1024 * 1024
# Agents send `?beta=true` and a client's version.
MAX_QUERY_BYTES = 8 * 1024
# Of one seat: an agent and its subagents. It bounds the memory that their bodies take.
AT_ONCE = 16
_ROUTES = frozenset(
    {("GET", "/v1/models"), ("POST", "/v1/messages/count_tokens"), *(("POST", route) for route in DIALECTS)}
)


class Asking:
    """The ASGI application."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = Reply(scope, send)
        try:
            seat = self._admitted(scope)
            with _place(seat):
                await _answer(seat, scope, receive, reply)
        except Refusal as refusal:
            await reply.refuse(refusal)
        except _Left:
            return
        if reply.was_cut:
            # uvicorn takes a reply without an end for a fault of ours, while the agent is there.
            await _left(receive)

    def _admitted(self, scope: Scope) -> Seat:
        seat = self._seats.find(scope["headers"])
        if seat is None:
            raise Refusal(401, "invalid_api_key", "The relay knows no such token.")
        if any(name == b"upgrade" for name, _ in scope["headers"]):
            # To an agent the sign to go on without a websocket.
            raise Refusal(426, "upgrade_required", "The relay speaks plain HTTP, and no websockets.")
        if (scope["method"], scope["path"]) not in _ROUTES:
            raise Refusal(404, "unknown_url", "The relay has no such route.")
        if len(scope["query_string"]) > MAX_QUERY_BYTES:
            raise Refusal(414, "uri_too_long", f"The request's query is longer than {MAX_QUERY_BYTES:,} bytes.")
        _meter(seat)
        return seat


class _Left(Exception):
    """The agent went away."""


def _meter(seat: Seat) -> Meter:
    if seat.meter is None:
        raise Refusal(403, "no_run", "No run is at work here, so no model is asked.")
    return seat.meter


@contextmanager
def _place(seat: Seat) -> Iterator[None]:
    if seat.held >= AT_ONCE:
        raise Refusal(429, "too_many_requests", f"More than {AT_ONCE} requests at once.")
    seat.held += 1
    try:
        yield
    finally:
        seat.held -= 1


async def _answer(seat: Seat, scope: Scope, receive: Receive, reply: Reply) -> None:
    body = await _body(seat, scope, receive)
    # Only now: while the body came its run may have ended.
    meter = _meter(seat)
    if scope["path"] in DIALECTS and not meter.admit():
        raise Refusal(400, "budget", f"The run's budget is spent: {meter.refused}.")
    ask = Ask(scope["method"], scope["path"], scope["query_string"], scope["headers"], body)
    work = asyncio.ensure_future(forward(ask, seat.upstream, seat.client, meter, reply))
    seat.under_way.add(work)
    left = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
        if reply.ended:
            # What is left to do is to give the upstream's connection back.
            await asyncio.wait({work})
    finally:
        seat.under_way.discard(work)
        for task in (work, left):
            task.cancel()
        await asyncio.wait({work, left})
    if work.cancelled():
        # Where it was the agent that left, nobody hears this.
        raise Refusal(403, "no_run", "The run has ended.")
    # What is raised here is a fault of ours.
    work.result()


async def _body(seat: Seat, scope: Scope, receive: Receive) -> bytes:
    # h11 has seen that it is a number.
    announced = next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)
    parts, size = [], 0
    while max(size, announced) <= MAX_BODY_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Left
        parts.append(message["body"])
        size += len(parts[-1])
        if not message["more_body"] and size <= MAX_BODY_BYTES:
            return b"".join(parts)
    refusal = Refusal(413, "request_too_large", f"The request's body is larger than {MAX_BODY_BYTES:,} bytes.")
    # The agent's turn fails of this, as it would of the model's own refusal.
    _meter(seat).note("", Told(failure=refusal.failure, ended=True))
    raise refusal


async def _left(receive: Receive) -> None:
    """Until the agent has gone away, or has its whole reply."""
    while (await receive())["type"] != "http.disconnect":
        pass
