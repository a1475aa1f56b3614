"""Bytes over httpx: one pool per TLS setting and proxy, foreign errors become ours, nothing is retried or redirected.

The async half here serves a client that the caller brought; without one, async calls ride on
`aiohttp_transport`. Law: the two halves differ by `await` only.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

import httpx

from ..errors import AgentError, BrokenReply, Misconfigured, Unreachable
from .connection import check_headers, proxy_of, sentence, tls_context, too_slow, unreachable
from .request import Request

__all__ = [
    "Answer",
    "AsyncAnswer",
    "AsyncHttpxAnswer",
    "HttpxAnswer",
    "KEPT_SECONDS",
    "MAX_REPLY_BYTES",
    "aread",
    "asend_by",
    "read",
    "send",
]

# A whole reply, an agent's diff included. What is larger is a fault of the endpoint, not an answer.
MAX_REPLY_BYTES = 64 * 1024 * 1024
# How many connections wait for the next call. As in OpenAI's client.
KEPT_CONNECTIONS = 100
# Longer than a person's pause between two questions, shorter than common load balancers' idle limit of 60 s.
KEPT_SECONDS = 30.0
# What httpx unpacks without a further package.
_UNPACKED = {"accept-encoding": "gzip, deflate"}

# All that httpx raises. Caught by a plain `except`: a context manager takes ten function calls for each part.
_FAULTS = (httpx.HTTPError, httpx.InvalidURL, ValueError)

_pools: dict[tuple[int, bool | str, str | None], httpx.HTTPTransport] = {}
_address = lru_cache(maxsize=256)(httpx.URL)


class Answer(Protocol):
    """An opened reply: its head is here, its body comes part by part, and ends with an empty one.

    `close(ended=True)` says that nothing more is expected, so that the connection may wait for its end.
    """

    status: int
    headers: Mapping[str, str]

    def part(self) -> bytes: ...

    def close(self, *, ended: bool = False) -> None: ...


class AsyncAnswer(Protocol):
    """The same, awaited."""

    status: int
    headers: Mapping[str, str]

    async def part(self) -> bytes: ...

    async def close(self, *, ended: bool = False) -> None: ...


class HttpxAnswer:
    """An `Answer` over httpx."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._parts = response.iter_bytes()
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    def part(self) -> bytes:
        try:
            return next(self._parts, b"")
        except _FAULTS as error:
            raise _translated(error) from error

    def close(self, *, ended: bool = False) -> None:
        # An end that is not here yet is not waited for: httpx can bound that wait by the call's timeout only.
        self._response.close()


class AsyncHttpxAnswer:
    """An `AsyncAnswer` over httpx."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._parts = response.aiter_bytes()
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    async def part(self) -> bytes:
        try:
            return await anext(self._parts, b"")
        except _FAULTS as error:
            raise _translated(error) from error

    async def close(self, *, ended: bool = False) -> None:
        # An end that is not here yet is not waited for: httpx can bound that wait by the call's timeout only.
        await self._response.aclose()


def send(request: Request) -> HttpxAnswer:
    """Send `request`, by the caller's own client where there is one, and wait for the head of its reply."""
    check_headers(request.headers)
    proxy = None
    try:
        if isinstance(request.client, httpx.Client):
            outgoing = _outgoing(request.client, request)
            return HttpxAnswer(request.client.send(outgoing, stream=True, follow_redirects=False))
        proxy = proxy_of(request.url)
        # To the pool, without a client around it: its redirects, cookies and merging of headers are not wanted,
        # and took a quarter of our function calls.
        return HttpxAnswer(_pool(request.tls, proxy).handle_request(_bare(request)))
    except _FAULTS as error:
        raise _translated(error, proxy) from error


async def asend_by(client: httpx.AsyncClient, request: Request) -> AsyncHttpxAnswer:
    """Send `request` by the caller's own client."""
    check_headers(request.headers)
    try:
        return AsyncHttpxAnswer(await client.send(_outgoing(client, request), stream=True, follow_redirects=False))
    except _FAULTS as error:
        raise _translated(error) from error


def read(answer: Answer) -> bytes:
    """The whole body, within the limit; the connection is free afterwards."""
    body = _Body()
    try:
        while part := answer.part():
            body.add(part)
    finally:
        answer.close()
    return body.whole()


async def aread(answer: AsyncAnswer) -> bytes:
    """The whole body, within the limit; the connection is free afterwards."""
    body = _Body()
    try:
        while part := await answer.part():
            body.add(part)
    finally:
        await answer.close()
    return body.whole()


def _translated(error: Exception, proxy: str | None = None) -> AgentError:
    """The error of ours that says what `error` says; a proxy that was on the way is named."""
    said = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return too_slow(connecting=isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout)))
    if isinstance(error, (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol)):
        return unreachable(said, proxy)
    if isinstance(error, httpx.DecodingError):
        return BrokenReply(f"The endpoint's reply cannot be unpacked: {sentence(said)}.")
    if isinstance(error, httpx.HTTPError):
        return Unreachable(f"The connection broke: {sentence(said)}.")
    return Misconfigured(f"The request cannot be sent: {sentence(said)}.")


class _Body:
    """Parts that become one body; a list, because adding bytes to bytes copies all of them each time."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > MAX_REPLY_BYTES:
            raise BrokenReply(f"The endpoint's reply is larger than {MAX_REPLY_BYTES:,} bytes.")
        self._parts.append(part)

    def whole(self) -> bytes:
        return b"".join(self._parts)


def _outgoing(client: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    return client.build_request(
        request.method, request.url, headers=_encoded(request.headers), content=request.content, timeout=request.timeout
    )


def _bare(request: Request) -> httpx.Request:
    """The request without a client's own headers, but for what it unpacks."""
    return httpx.Request(
        request.method,
        _address(request.url),
        headers=_encoded(_UNPACKED | request.headers),
        content=request.content,
        extensions={"timeout": request.timeout.as_dict()},
    )


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    # As bytes, because httpx takes only ASCII as text, and aiohttp sends UTF-8.
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _pool(tls: bool | str, proxy: str | None) -> httpx.HTTPTransport:
    """The one pool for this TLS setting and proxy in this process: a forked child makes its own.

    No lock, which a child could inherit locked: of two threads that make one at once, the first one's is kept.
    """
    key = (os.getpid(), tls, proxy)
    return _pools.get(key) or _pools.setdefault(key, _new_pool(tls, proxy))


def _new_pool(tls: bool | str, proxy: str | None) -> httpx.HTTPTransport:
    context = tls_context(tls)
    limits = httpx.Limits(
        max_connections=None, max_keepalive_connections=KEPT_CONNECTIONS, keepalive_expiry=KEPT_SECONDS
    )
    pool = httpx.HTTPTransport(
        verify=context,
        limits=limits,
        proxy=proxy and httpx.Proxy(proxy, ssl_context=context if proxy.startswith("https:") else None),
        trust_env=False,
    )
    atexit.register(_close, pool, os.getpid())
    return pool


def _close(pool: httpx.HTTPTransport, pid: int) -> None:
    # A forked child leaves its parent's pools alone: another thread may have held their locks.
    if os.getpid() == pid:
        pool.close()
