"""A connection that is closed where a head or a body does not come to its end in time, or an answer is not read.

uvicorn has no limit for either: a client that sends half a head holds its connection for ever. The limits are
for the whole of a part, so a client that sends a byte a second is cut as one that sends none.

Of uvicorn this needs `H11Protocol` with its `conn`, a connection of h11, and asyncio's own callbacks.
`on_response_complete` and `send_400_response` are overridden: a uvicorn without them loses a pipelined half
head, or the shape of a 400, and nothing else.
"""

from __future__ import annotations

import asyncio
import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..wire.chat import error_body
from .limits import LIMITS, REFUSAL_SECONDS, Limits

__all__ = ["Connection", "HEAD_BYTES", "bounded"]

# h11's own limit, for a head that is not whole yet; one that comes in a single read is at most as long as that.
HEAD_BYTES = 64 * 1024
_REFUSAL = (
    f"This is not a request of HTTP/1.1, or its head is larger than {HEAD_BYTES:,} bytes, or its body is malformed."
)


class Connection(H11Protocol):
    """uvicorn's connection with a clock: see `bounded`."""

    limits = LIMITS
    _part = ""
    _clock: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._wait_for("head")

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return  # what comes after a refusal is read, so that the refusal can be
        super().data_received(data)
        self._wait_for(self._awaited())

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_for("")
        self._take_your_time()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client takes less than we send. If it takes nothing more, its run is not held for it for ever."""
        super().pause_writing()
        self._watch_reader(self._unread())

    def resume_writing(self) -> None:
        self._take_your_time()
        super().resume_writing()

    def _unread(self) -> int:
        return self.transport.get_write_buffer_size()

    def _watch_reader(self, before: int) -> None:
        self._stalled = asyncio.get_running_loop().call_later(self.limits.stall, self._still_unread, before)

    def _still_unread(self, before: int) -> None:
        """Who has taken anything meanwhile is slow, and no more than that."""
        unread = self._unread()
        if unread >= before:
            self.cut()
        else:
            self._watch_reader(unread)

    def _take_your_time(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_for(self._awaited())

    def send_400_response(self, msg: str) -> None:
        """What cannot be read as HTTP is refused in OpenAI's shape, and `msg`, uvicorn's sentence, is not needed."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()  # an answer has begun, and there is no room for another
            return
        unasked = self.conn.our_state is h11.IDLE
        body = json.dumps(error_body(_REFUSAL, type="invalid_request_error", code="bad_request")).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        head = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        if unasked and self.transport.can_write_eof():
            self._refused = True
            self.transport.write_eof()
        else:
            self.transport.close()

    def cut(self) -> None:
        """Close now, whatever is still to be written."""
        self.transport.abort()

    def _awaited(self) -> str:
        """The part of a request that has begun to arrive and is not whole; empty where none is."""
        if self._refused:
            return "refused"
        if self.conn.their_state is h11.SEND_BODY:
            return "body"
        if self.conn.their_state is h11.IDLE and (self._part == "head" or self.conn.trailing_data[0]):
            return "head"
        return ""

    def _wait_for(self, part: str) -> None:
        if part == self._part:
            return
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        self._part = part
        if part:
            seconds = {"head": self.limits.head, "body": self.limits.body, "refused": REFUSAL_SECONDS}[part]
            self._clock = asyncio.get_running_loop().call_later(seconds, self.cut)


def bounded(limits: Limits) -> type[Connection]:
    """A class of connections with these limits; uvicorn makes them itself, and passes no arguments of ours."""
    return type("BoundedConnection", (Connection,), {"limits": limits})
