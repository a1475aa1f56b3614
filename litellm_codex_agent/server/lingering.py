"""A refusal stays readable: what is still on its way of the request is read and thrown away before the reply ends.

A server may close when a reply has ended. To close on bytes that nobody has read resets the connection, and the
client, still sending, would see a broken pipe where it was told 413. nginx calls this a lingering close.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .headers import single, values
from .limits import LINGER_SECONDS

__all__ = ["Lingering"]


class Lingering:
    """Holds back the end of a reply until the request has ended too; the reply itself is sent at once."""

    def __init__(self, app: ASGIApp, seconds: float = LINGER_SECONDS) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self.app(scope, receive, send)
            return
        request = _Arriving(receive)
        closing = False

        async def sends(message: Message) -> None:
            nonlocal closing
            if message["type"] == "http.response.start":
                if _waits_to_be_asked(scope) and not request.asked:
                    # Whether the body comes all the same is the client's to choose; only a new connection is clear.
                    message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
                closing = _closes(message)
            elif not (message.get("more_body", False) or request.ended or closing):
                await send({**message, "more_body": True})
                await request.swallow(self.seconds)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self.app(scope, request.receive, sends)


class _Arriving:
    """A request on its way, and whether it has ended."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.asked = False
        self.ended = False

    async def receive(self) -> Message:
        self.asked = True
        message = await self._receive()
        self.ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def swallow(self, seconds: float) -> None:
        """Read the rest away, as long as that takes; after `seconds` the reply ends all the same."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._rest(), seconds)

    async def _rest(self) -> None:
        while not self.ended:
            await self.receive()


def _has_body(scope: Scope) -> bool:
    return bool(values(scope, "transfer-encoding")) or single(scope, "content-length") not in ("", "0")


def _waits_to_be_asked(scope: Scope) -> bool:
    """A client may announce a body and send it when it is told to (RFC 9110, 10.1.1): by the first `receive`."""
    return single(scope, "expect").lower() == "100-continue"


def _closes(message: Message) -> bool:
    return any(name.lower() == b"connection" and value.lower() == b"close" for name, value in message["headers"])
