"""The way to an MCP server over HTTP: what the official SDK asks goes to the address that was checked.

Law: what goes wrong between us and the server is an answer to the one request that it happened to. Let through as it
is, it would end the SDK's client and all its other calls with it. No redirect, no proxy, no cookie, no compression.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

from .body import read_body
from .mcp_stdio import MAX_MESSAGE_BYTES
from .pinned import Pin, context
from .replies import Reply, fault_of
from .retries import BROKEN, REFUSED

__all__ = ["Through", "authorized", "client", "streamed"]

# A connection that is used again may be closed by the server just then, and nobody could say whether it had the call.
_NEW_EACH_TIME = httpx2.Limits(max_keepalive_connections=0)
# With these a server speaks of the protocol: it wants another version of it, or a session is over. The SDK reads them.
_OF_THE_PROTOCOL = frozenset({400, 404, 405, 406, 415})
_OURS = {"User-Agent": "litellm-codex-agent"}
_MAX_ERROR_BYTES = 64 * 1024
# The SDK's own way to say that the server itself went wrong.
_INTERNAL_ERROR = -32603


def authorized(headers: Mapping[str, str], authorization: str | None) -> dict[str, str]:
    """The headers with an Authorization among them, where one was given: a bare token is a bearer's."""
    if not authorization:
        return dict(headers)
    value = authorization if " " in authorization.strip() else f"Bearer {authorization}"
    others = {name: said for name, said in headers.items() if name.lower() != "authorization"}
    return {**others, "Authorization": value}


def client(pinned: Pin, headers: Mapping[str, str]) -> httpx2.AsyncClient:
    """A client for the SDK. Its requests are bounded in time by whoever calls a tool."""
    return httpx2.AsyncClient(
        transport=Through(pinned),
        # As bytes: what is not ASCII in a value would be refused.
        headers=[(name.encode(), value.encode()) for name, value in {**_OURS, **headers}.items()],
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        timeout=httpx2.Timeout(None),
        # The SDK follows a redirect within an origin by itself, as often as this says.
        max_redirects=0,
        trust_env=False,
    )


class Through(httpx2.AsyncBaseTransport):
    """Sends each request to the first address of a pin that takes the connection."""

    def __init__(self, pinned: Pin) -> None:
        self._pin = pinned
        scheme = pinned.address.origin.scheme
        self._inner = httpx2.AsyncHTTPTransport(verify=context(scheme), trust_env=False, limits=_NEW_EACH_TIME)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["accept-encoding"] = "identity"
        try:
            response = await self._sent(request)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            return _said(Reply(REFUSED, fault=f"it takes no connection ({error!s:.200})."))
        except httpx2.TransportError:
            return _said(Reply(BROKEN, fault="the connection broke before an answer."))
        if (encoding := response.headers.get("content-encoding", "identity")) != "identity":
            await response.aclose()
            return _said(Reply(BROKEN, fault=f"the reply is compressed as {encoding!r:.40}, which was not asked for."))
        if response.status_code >= 400 and response.status_code not in _OF_THE_PROTOCOL:
            return await _refused(response)
        return httpx2.Response(response.status_code, headers=response.headers, stream=_Whole(response))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _sent(self, request: httpx2.Request) -> httpx2.Response:
        refused: httpx2.TransportError = httpx2.ConnectError("no address")
        url = request.url
        for host, known in self._pin.aims(url.host, url.port, url.scheme):
            aimed = httpx2.Request(
                request.method,
                url.copy_with(host=host),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, **known},
            )
            try:
                return await self._inner.handle_async_request(aimed)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:  # nothing was sent: the next may take it
                refused = error
        raise refused


class _Whole(httpx2.AsyncByteStream):
    """The body of a reply to its end, or to its bound: an event stream has one on each event, which the SDK keeps."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        streamed = response.headers.get("content-type", "").lower().startswith("text/event-stream")
        self._most = None if streamed else MAX_MESSAGE_BYTES

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for piece in self._response.aiter_raw():
                size += len(piece)
                if self._most is not None and size > self._most:
                    raise httpx2.StreamError(f"The reply is over {self._most:,} bytes.")
                yield piece
        except httpx2.TransportError as error:
            # This one the SDK takes as the failure of one request.
            raise httpx2.StreamError("The connection broke in the middle of the answer.") from error

    async def aclose(self) -> None:
        await self._response.aclose()


async def _refused(response: httpx2.Response) -> httpx2.Response:
    """A status that says no: with the server's own error where it is one of the protocol, else with what we know."""
    try:
        body, _ = await read_body(response.aiter_raw(), _MAX_ERROR_BYTES)
    except httpx2.TransportError:
        body = b""
    finally:
        await response.aclose()
    if b'"jsonrpc"' in body:
        return httpx2.Response(response.status_code, headers={"content-type": "application/json"}, content=body)
    return _said(Reply(response.status_code, headers=response.headers))


def _said(reply: Reply) -> httpx2.Response:
    """An error of the protocol that says what happened, as the answer to the request that it happened to."""
    error = {"code": _INTERNAL_ERROR, "message": fault_of(reply)}
    content = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
    return httpx2.Response(502, headers={"content-type": "application/json"}, content=content)


@asynccontextmanager
async def streamed(pinned: Pin, headers: Mapping[str, str]) -> AsyncIterator[Any]:
    """The streams of messages from and to the server of a pin, as the SDK makes them."""
    async with client(pinned, headers) as asking:
        url, most = pinned.address.url, MAX_MESSAGE_BYTES
        async with streamable_http_client(url, http_client=asking, max_sse_event_size=most) as streams:
            yield streams
