"""Bytes over aiohttp: one session per running loop and TLS setting, closed when its loop ends.

aiohttp and not httpx, because httpcore looks through all its connections at every request; the
benchmarks show what that costs with a thousand agents in flight. The face is `transport.AsyncAnswer`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from io import BytesIO
from weakref import WeakSet

import aiohttp
import httpx
from aiohttp.http_exceptions import ContentEncodingError

from ..errors import AgentError, BrokenReply, Misconfigured, Unreachable
from .connection import check_headers, proxy_of, sentence, tls_context, too_slow, unreachable
from .request import Request
from .transport import KEPT_SECONDS, AsyncAnswer, asend_by

__all__ = ["AiohttpAnswer", "asend"]

# Between [DONE] and the end of the body lies one more write of the server, on the wire a round trip at most.
END_SECONDS = 0.05
# A line of a reply's head, as much as httpx takes for all of it; aiohttp's own 8 KiB is less than proxies send.
MAX_HEADER_BYTES = 100 * 1024
# What aiohttp hands on at once. Of a longer body it does not watch the writing.
WRITTEN_AT_ONCE = 64 * 1024
# All that aiohttp raises. Caught by a plain `except`: a context manager takes ten function calls for each part.
_FAULTS = (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError)

_sessions: dict[tuple[int, asyncio.AbstractEventLoop, bool | str], _Session] = {}


class AiohttpAnswer:
    """A `transport.AsyncAnswer` over aiohttp."""

    def __init__(self, response: aiohttp.ClientResponse, limit: float | None = None) -> None:
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._loop = asyncio.get_running_loop()
        self._silence = _Silence(response, limit, self._loop)
        self._left = False

    async def part(self) -> bytes:
        self._silence.since = self._loop.time()
        try:
            return await self._response.content.readany()
        except _FAULTS as error:
            raise _translated(error) from error
        finally:
            self._silence.since = None

    async def close(self, *, ended: bool = False) -> None:
        # aiohttp keeps a connection as soon as its reply has ended; closing the response then does nothing.
        self._left = True
        self._silence.end()
        if ended:
            self._loop.call_later(END_SECONDS, _leave, self._response)
        else:
            _leave(self._response)

    def __del__(self) -> None:
        # A stream that LiteLLM drops unread: aiohttp itself would hold the response as long as the endpoint sends.
        if not self._left and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_leave, self._response)
            self._loop.call_soon_threadsafe(self._silence.end)


class _Silence:
    """Ends a reply that is waited for too long.

    aiohttp sets its alarm anew for each part, which took a tenth of a chunk's time. This one asks, when it goes
    off, how long a part has been waited for, and is set for a reply only that did not come with its head.
    """

    def __init__(self, response: aiohttp.ClientResponse, limit: float | None, loop: asyncio.AbstractEventLoop) -> None:
        self.since: float | None = None
        self._content, self._loop = response.content, loop
        self._alarm: asyncio.TimerHandle | None = None
        connection = response.connection
        if limit and connection is not None and connection.protocol is not None:
            self._limit = limit
            connection.protocol.read_timeout = None
            connection.protocol.start_timeout()  # or rather end: the one that is set goes, and none is set
            self._alarm = loop.call_later(limit, self._look)

    def end(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        left = self._limit - (now - (self.since or now))
        if left > 0:
            self._alarm = self._loop.call_later(left, self._look)
        else:
            self._content.set_exception(aiohttp.SocketTimeoutError())


async def asend(request: Request) -> AsyncAnswer:
    """Send `request`, by the caller's own httpx client where there is one, and wait for the head of its reply."""
    if isinstance(request.client, httpx.AsyncClient):
        return await asend_by(request.client, request)
    check_headers(request.headers)
    proxy = proxy_of(request.url)
    session = await _session(request.tls)
    content, limit = request.content, request.timeout
    long = len(content) > WRITTEN_AT_ONCE
    try:
        opening = session.http.request(
            request.method,
            request.url,
            # aiohttp would copy long bytes at one go, and warns of it; a file it writes piece by piece.
            data=BytesIO(content) if long else content,
            headers=request.headers,
            allow_redirects=False,
            proxy=proxy,
            # `connect` holds for the look-up of the name, which `sock_connect` does not see.
            timeout=aiohttp.ClientTimeout(
                total=None, connect=limit.connect, sock_connect=limit.connect, sock_read=limit.read
            ),
        )
        response = await (asyncio.wait_for(opening, _until_head(limit)) if long else opening)
    except _FAULTS as error:
        raise _translated(error, proxy) from error
    session.responses.add(response)
    return AiohttpAnswer(response, limit.read)


def _leave(response: aiohttp.ClientResponse) -> None:
    """End a reply that is not wanted, at once: a TLS connection would wait for the endpoint's farewell."""
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
    response.close()


def _until_head(limit: httpx.Timeout) -> float | None:
    """How long a request may take to be written and answered, each of its parts at its longest."""
    parts = (limit.connect, limit.write, limit.read)
    return None if None in parts else sum(part for part in parts if part is not None)


class _Session:
    """An aiohttp session that ends with its loop."""

    def __init__(self, key: tuple[int, asyncio.AbstractEventLoop, bool | str]) -> None:
        self._key = key
        self.http = aiohttp.ClientSession(
            # No limit: an agent holds its connection for minutes, and the Router has its own limits.
            connector=aiohttp.TCPConnector(limit=0, ssl=tls_context(key[2]), keepalive_timeout=KEPT_SECONDS),
            # One endpoint serves many tenants: a cookie must not carry from one call to the next.
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            trust_env=False,
        )
        # Those that are still open when the loop ends are closed with it.
        self.responses: WeakSet[aiohttp.ClientResponse] = WeakSet()
        self._end = self._until_the_loop_ends()

    async def bind(self) -> None:
        """Ask the loop to close us: it ends the async generators that it saw start."""
        await self._end.__anext__()

    async def close(self) -> None:
        _sessions.pop(self._key, None)
        for response in self.responses:
            _leave(response)
        await self.http.close()

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self.close()


async def _session(tls: bool | str) -> _Session:
    # The process id: a forked child that goes on in a copied loop must not use its parent's sockets.
    key = (os.getpid(), asyncio.get_running_loop(), tls)
    session = _sessions.get(key)
    if session is None:
        session = _sessions[key] = _Session(key)
        await session.bind()
        await _leave_closed_loops()
    return session


async def _leave_closed_loops() -> None:
    """Let go of sessions whose loop was closed before it ended its async generators, as LiteLLM's own fallbacks do.

    Their sockets close when Python collects them. It may report an "unclosed transport" (a ResourceWarning, off by
    default): that is the loop's owner's, since a transport can be closed by a loop that runs, and by nothing else.
    """
    for (_, loop, _), session in list(_sessions.items()):
        if loop.is_closed():
            await session.close()


def _translated(error: Exception, proxy: str | None = None) -> AgentError:
    """The error of ours that says what `error` says; a proxy that was on the way is named."""
    # aiohttp wraps what happened, once or twice, into addresses and status codes that say nothing.
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    said = str(getattr(cause, "message", "") or cause or type(cause).__name__)
    if isinstance(error, asyncio.TimeoutError):
        return too_slow(connecting=isinstance(error, aiohttp.ConnectionTimeoutError))
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return unreachable(f"{error.status} {said}", proxy)
    if isinstance(error, aiohttp.ClientConnectorError):
        return unreachable(said, proxy)
    if isinstance(cause, ContentEncodingError):
        return BrokenReply(f"The endpoint's reply cannot be unpacked: {sentence(said)}.")
    if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError):
        return Misconfigured(f"The request cannot be sent: {sentence(said)}.")
    return Unreachable(f"The connection broke: {sentence(said)}.")
