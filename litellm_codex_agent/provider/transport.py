"""Bytes over httpx: one client per TLS setting and proxy, foreign errors become ours, nothing is retried or redirected.

The async half here serves a client that the caller brought; without one, async calls ride on
`aiohttp_transport`. Law: the two halves differ by `await` only.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
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

# One endpoint serves many tenants: a cookie must not carry from one call to the next.
_NO_COOKIES = DefaultCookiePolicy(allowed_domains=[])

_clients: dict[tuple[int, bool | str, str | None], httpx.Client] = {}


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
        with ours():
            return next(self._parts, b"")

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
        with ours():
            return await anext(self._parts, b"")

    async def close(self, *, ended: bool = False) -> None:
        # An end that is not here yet is not waited for: httpx can bound that wait by the call's timeout only.
        await self._response.aclose()


def send(request: Request) -> HttpxAnswer:
    """Send `request`, by the caller's own client where there is one, and wait for the head of its reply."""
    check_headers(request.headers)
    if isinstance(request.client, httpx.Client):
        client, proxy = request.client, None
    else:
        proxy = proxy_of(request.url)
        client = _client(request.tls, proxy)
    with ours(proxy):
        return HttpxAnswer(client.send(_outgoing(client, request), stream=True, follow_redirects=False))


async def asend_by(client: httpx.AsyncClient, request: Request) -> AsyncHttpxAnswer:
    """Send `request` by the caller's own client."""
    check_headers(request.headers)
    with ours():
        return AsyncHttpxAnswer(await client.send(_outgoing(client, request), stream=True, follow_redirects=False))


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


@contextmanager
def ours(proxy: str | None = None) -> Iterator[None]:
    """httpx's errors as ours, each naming what happened."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise translated(error, proxy) from error


def translated(error: Exception, proxy: str | None = None) -> AgentError:
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
    # As bytes, because httpx takes only ASCII as text, and aiohttp sends UTF-8.
    headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
    return client.build_request(
        request.method, request.url, headers=headers, content=request.content, timeout=request.timeout
    )


def _client(tls: bool | str, proxy: str | None) -> httpx.Client:
    """The one client for this TLS setting and proxy in this process: a forked child makes its own.

    No lock, which a child could inherit locked: of two threads that make one at once, the first one's is kept.
    """
    key = (os.getpid(), tls, proxy)
    return _clients.get(key) or _clients.setdefault(key, _new_client(tls, proxy))


def _new_client(tls: bool | str, proxy: str | None) -> httpx.Client:
    context = tls_context(tls)
    limits = httpx.Limits(
        max_connections=None, max_keepalive_connections=KEPT_CONNECTIONS, keepalive_expiry=KEPT_SECONDS
    )
    client = httpx.Client(
        verify=context,
        limits=limits,
        cookies=CookieJar(_NO_COOKIES),
        proxy=proxy and httpx.Proxy(proxy, ssl_context=context if proxy.startswith("https:") else None),
        trust_env=False,
    )
    atexit.register(_close, client, os.getpid())
    return client


def _close(client: httpx.Client, pid: int) -> None:
    # A forked child leaves its parent's clients alone: another thread may have held their locks.
    if os.getpid() == pid:
        client.close()
