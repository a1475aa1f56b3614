"""Bytes over aiohttp: one session per running loop and TLS setting, closed when its loop ends.

aiohttp and not httpx, because httpcore looks through all its connections at every request; the
benchmarks show what that costs with a thousand agents in flight. The face is `transport.AsyncAnswer`.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import aiohttp
import httpx

from .. import settings
from ..errors import AgentError, BrokenReply, Misconfigured, TimedOut, Unreachable
from .request import Request
from .transport import KEPT_SECONDS, AsyncAnswer, asend_by

__all__ = ["AiohttpAnswer", "asend"]

_Sessions = dict[tuple[int, "bool | str"], "_Session"]
_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _Sessions] = WeakKeyDictionary()


class AiohttpAnswer:
    """A `transport.AsyncAnswer` over aiohttp."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    async def part(self) -> bytes:
        with _ours():
            return await self._response.content.readany()

    async def close(self) -> None:
        # Back to the pool if the body has ended, and closed if it has not.
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


async def asend(request: Request) -> AsyncAnswer:
    """Send `request`, by the caller's own httpx client where there is one, and wait for the head of its reply."""
    if isinstance(request.client, httpx.AsyncClient):
        return await asend_by(request.client, request)
    session = await _session(request.tls)
    limit = request.timeout
    with _ours():
        response = await session.http.request(
            request.method,
            request.url,
            data=request.content,
            headers=request.headers,
            allow_redirects=False,
            proxy=session.proxy_for(request.url),
            timeout=aiohttp.ClientTimeout(
                total=None, connect=limit.pool, sock_connect=limit.connect, sock_read=limit.read
            ),
        )
    return AiohttpAnswer(response)


class _Session:
    """An aiohttp session that ends with its loop."""

    def __init__(self, tls: bool | str) -> None:
        context: ssl.SSLContext = httpx.create_ssl_context(verify=tls)
        self.http = aiohttp.ClientSession(
            # No limit: an agent holds its connection for minutes, and the Router has its own limits.
            connector=aiohttp.TCPConnector(limit=0, ssl=context, keepalive_timeout=KEPT_SECONDS),
            # One endpoint serves many tenants: a cookie must not carry from one call to the next.
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        self._proxies: dict[str, str | None] = {}
        self._end = self._until_the_loop_ends()

    def proxy_for(self, url: str) -> str | None:
        if url not in self._proxies:
            self._proxies[url] = settings.proxy_for(url)
        return self._proxies[url]

    async def bind(self) -> None:
        """Ask the loop to close us: it ends the async generators that it saw start."""
        await self._end.__anext__()

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self.http.close()


async def _session(tls: bool | str) -> _Session:
    sessions = _by_loop.setdefault(asyncio.get_running_loop(), {})
    # The process id: a forked child that goes on in a copied loop must not use its parent's sockets.
    key = (os.getpid(), tls)
    if key not in sessions:
        sessions[key] = _Session(tls)
        await sessions[key].bind()
    return sessions[key]


@contextmanager
def _ours() -> Iterator[None]:
    """aiohttp's errors as ours, each naming what happened."""
    try:
        yield
    except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
        raise _translated(error) from error


def _translated(error: Exception) -> AgentError:
    said = str(error) or type(error).__name__
    if isinstance(error, asyncio.TimeoutError):
        return TimedOut(f"The endpoint was too slow: {said}.")
    if isinstance(
        error,
        (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError),
    ):
        return Unreachable(f"The endpoint cannot be reached: {said}.", hint="Is it running, and is api_base right?")
    if isinstance(error, aiohttp.ContentTypeError):
        return BrokenReply(f"The endpoint's reply cannot be unpacked: {said}.")
    if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError):
        return Misconfigured(f"The request cannot be sent: {said}.")
    return Unreachable(f"The connection broke: {said}.")
