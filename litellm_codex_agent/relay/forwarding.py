"""One request of an agent to its model, and the reply back: bytes as they come, read along, and noted.

Law: what a reply tells is noted before the agent can read the bytes that told it, so a run that has ended has all
its figures. No redirect is followed, nothing is tried twice, and no fault quotes what a library says.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace

import httpx

from .dialects import DIALECTS, Dialect, Told
from .meter import Meter
from .reading import Reader, reader
from .replying import Refusal, Reply
from .upstream import Pairs, Upstream, back, up
from .veil import Veil

__all__ = ["Ask", "forward"]

_UNREAD = Dialect(lambda told, _: told, lambda told, _: told)


@dataclass(frozen=True)
class Ask:
    """A request as it came from the agent."""

    method: str
    route: str
    query: bytes
    headers: Pairs
    body: bytes

    @property
    def model(self) -> str:
        """The model that it names; empty where it names none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return ""
        model = value.get("model") if isinstance(value, dict) else None
        return model if isinstance(model, str) else ""


async def forward(ask: Ask, upstream: Upstream, client: httpx.AsyncClient, meter: Meter, reply: Reply) -> None:
    """Answer with what the upstream answers. Cancelled, it closes the request to the upstream."""
    exchange = _Exchange(ask, upstream, meter, reply)
    url, headers = upstream.url(ask.route, ask.query), up(upstream, ask.headers)
    try:
        async with client.stream(ask.method, url, headers=headers, content=ask.body or None) as response:
            await exchange.pass_on(response)
    except (httpx.TransportError, httpx.DecodingError) as error:
        await exchange.fail(_refusal_of(error))
    except Refusal as refusal:
        await exchange.fail(refusal)
    finally:
        exchange.note()


class _Exchange:
    """A request under way."""

    def __init__(self, ask: Ask, upstream: Upstream, meter: Meter, reply: Reply) -> None:
        self._ask = ask
        self._upstream = upstream
        self._meter = meter
        self._reply = reply
        self._told = Told()
        self._noted = ask.route not in DIALECTS

    async def pass_on(self, response: httpx.Response) -> None:
        if 300 <= response.status_code < 400:
            raise Refusal(502, "redirect", "The model's endpoint redirects, which the relay does not follow.")
        dialect = DIALECTS.get(self._ask.route, _UNREAD)
        reading = reader(response.status_code, response.headers, dialect, time.time())
        await self._reply.head(response.status_code, back(self._upstream, response.headers))
        await self._reply.body(await self._pieces(response, reading), more=False)

    async def _pieces(self, response: httpx.Response, reading: Reader) -> bytes:
        """All but the last, which is for when it is noted. A stream's are told apart from its end."""
        veil, held = Veil(self._upstream.key), b""
        async for piece in response.aiter_bytes():
            shown = veil.feed(piece)
            self._told = reading.feed(shown)
            if self._told.ended:
                self.note()
            if not reading.live:
                held, shown = shown, held
            if shown:
                await self._reply.body(shown)
        rest = veil.close()
        reading.feed(rest)
        self._told = reading.close()
        self.note()
        return held + rest

    async def fail(self, refusal: Refusal) -> None:
        self._told = replace(self._told, failure=refusal.failure, ended=True)
        self.note()
        await self._reply.refuse(refusal)

    def note(self) -> None:
        """Once: what has been told so far."""
        if not self._noted:
            self._noted = True
            self._meter.note(self._ask.model if self._meter.priced else "", self._told)


def _refusal_of(error: httpx.RequestError) -> Refusal:
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return Refusal(502, "unreachable", "The model's endpoint takes no connection.")
    if isinstance(error, httpx.ProxyError):
        return Refusal(502, "unreachable", "The proxy on the way to the model's endpoint takes no connection.")
    if isinstance(error, httpx.TimeoutException):
        return Refusal(504, "silent", "The model's endpoint was silent for too long.")
    if isinstance(error, httpx.DecodingError):
        return Refusal(502, "unreadable", "The model's endpoint compressed its reply in a way that cannot be read.")
    return Refusal(502, "cut", "The connection to the model's endpoint broke.")
