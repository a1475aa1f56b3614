"""Bytes over httpx: one client per TLS setting, foreign errors become ours, nothing is retried or redirected.

The async half here serves a client that the caller brought; without one, async calls ride on
`aiohttp_transport`. Law: the two halves differ by `await` only.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Protocol

import httpx

from ..errors import AgentError, BrokenReply, TimedOut, Unreachable
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

_clients: dict[tuple[int, bool | str], httpx.Client] = {}
_lock = threading.Lock()


class Answer(Protocol):
    """An opened reply: its head is here, its body comes part by part, and ends with an empty one."""

    status: int
    headers: Mapping[str, str]

    def part(self) -> bytes: ...

    def close(self) -> None: ...


class AsyncAnswer(Protocol):
    """The same, awaited."""

    status: int
    headers: Mapping[str, str]

    async def part(self) -> bytes: ...

    async def close(self) -> None: ...


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

    def close(self) -> None:
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

    async def close(self) -> None:
        await self._response.aclose()


def send(request: Request) -> HttpxAnswer:
    """Send `request` and wait for the head of its reply."""
    client = request.client if isinstance(request.client, httpx.Client) else _client(request.tls)
    with ours():
        return HttpxAnswer(client.send(_outgoing(client, request), stream=True, follow_redirects=False))


async def asend_by(client: httpx.AsyncClient, request: Request) -> AsyncHttpxAnswer:
    """Send `request` by the caller's own client."""
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
def ours() -> Iterator[None]:
    """httpx's errors as ours, each naming what happened."""
    try:
        yield
    except httpx.HTTPError as error:
        raise translated(error) from error


def translated(error: httpx.HTTPError) -> AgentError:
    """The error of ours that says what `error` says."""
    said = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(f"The endpoint was too slow: {type(error).__name__}.")
    if isinstance(error, (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol)):
        return Unreachable(f"The endpoint cannot be reached: {said}.", hint="Is it running, and is api_base right?")
    if isinstance(error, httpx.DecodingError):
        return BrokenReply(f"The endpoint's reply cannot be unpacked: {said}.")
    return Unreachable(f"The connection broke: {said}.")


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
        request.method, request.url, headers=request.headers, content=request.content, timeout=request.timeout
    )


def _client(tls: bool | str) -> httpx.Client:
    """The one client for this TLS setting in this process: a forked child makes its own."""
    key = (os.getpid(), tls)
    with _lock:
        if key not in _clients:
            limits = httpx.Limits(
                max_connections=None,
                max_keepalive_connections=KEPT_CONNECTIONS,
                keepalive_expiry=KEPT_SECONDS,
            )
            _clients[key] = httpx.Client(
                verify=httpx.create_ssl_context(verify=tls), limits=limits, cookies=CookieJar(_NO_COOKIES)
            )
        return _clients[key]
