"""Tools behind HTTP: `GET {base}/tools` lists them, `POST {base}/invoke` runs one.

Law: each call is posted once, and again only by the rules of `retries`; no redirect is followed; and only what the
request or the operator named goes along. What a tool or its server does wrong is a result.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from itertools import count

import httpx

from ..wire.retry_after import retry_after
from .body import Unreadable, read_body
from .headers import merged
from .listing import Listed, read_list
from .pinned import Pin, Pinned, pin
from .replies import Reply, fault_of, result_of
from .retries import BROKEN, REFUSED, pause
from .source import MAX_WHOLE_BYTES, TIMED_OUT, Call, Result, Source, Tool, ToolsUnavailable
from .waiting import within

__all__ = ["HttpTools", "opened"]

_JSON = "application/json"
# Compressed, a reply is bounded all the same; uncompressed, it is also cheap.
_OURS = {"Accept": _JSON, "Accept-Encoding": "identity", "Content-Type": _JSON, "User-Agent": "litellm-codex-agent"}


class HttpTools:
    """The tools of one server, for one run."""

    def __init__(self, server: _Server, listed: Sequence[Listed], run_key: str) -> None:
        self.tools: Sequence[Tool] = [entry.tool for entry in listed]
        self._listed = {entry.tool.name: entry for entry in listed}
        self._server = server
        self._run_key = run_key

    async def call(self, call: Call, seconds: float) -> Result:
        listed = self._listed.get(call.name)
        if listed is None:
            return Result(rc=1, error=f"The tools' server lists no {call.name!r:.100}.")
        try:
            content = json.dumps({"name": listed.name, "arguments": dict(call.arguments)}, allow_nan=False).encode()
        except ValueError:
            return Result(rc=1, error="The arguments hold a number that JSON cannot say.")
        # One key for all tries of a call and for no other, so that a server can tell a second try from a second call.
        key = {"Idempotency-Key": f"{self._run_key}-{uuid.uuid4().hex}"}
        try:
            asking = self._server.ask("POST", "/invoke", content, key, idempotent=listed.idempotent, seconds=seconds)
            return result_of(await within(seconds, asking), self._server.name)
        except asyncio.TimeoutError:
            return Result(rc=TIMED_OUT, timed_out=True, error=f"The tools' server gave no answer within {seconds:g} s.")


@asynccontextmanager
async def opened(
    base_url: str,
    *,
    headers: Mapping[str, str],
    defaults: Mapping[str, str],
    origins: Sequence[str],
    run_key: str,
    seconds: float,
) -> AsyncIterator[Source]:
    """The tools at `base_url`, listed within `seconds`. Raises `ToolsUnavailable`.

    `headers` are the request's, `defaults` and `origins` the operator's.
    """
    sent = merged(defaults, headers)
    pinned = await pin(base_url, origins, seconds)
    async with _client(pinned) as client:
        server = _Server(client, pinned.address.url, str(pinned.address.origin), sent)
        yield HttpTools(server, await _listed(server, seconds), run_key)


def _client(pinned: Pin) -> httpx.AsyncClient:
    """One that keeps no cookie of a reply for the next request. Its requests are bounded by `within`, as a whole."""
    cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    unbounded = httpx.Timeout(None)
    return httpx.AsyncClient(transport=Pinned(pinned), cookies=cookies, timeout=unbounded, trust_env=False)


async def _listed(server: _Server, seconds: float) -> list[Listed]:
    try:
        reply = await within(seconds, server.ask("GET", "/tools", idempotent=True, seconds=seconds))
    except asyncio.TimeoutError as error:
        raise ToolsUnavailable(f"The tools' server at {server.name} did not list its tools in time.") from error
    if fault := fault_of(reply):
        raise ToolsUnavailable(f"There is no list of tools at {server.name}: {fault}")
    if reply.cut:
        raise ToolsUnavailable(f"The list of the tools' server at {server.name} is over {MAX_WHOLE_BYTES:,} bytes.")
    return read_list(reply.body)


@dataclass(frozen=True)
class _Server:
    """Where the tools are, and what each request to them says."""

    client: httpx.AsyncClient
    url: str
    name: str
    headers: Mapping[str, str] = field(repr=False)

    async def ask(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        own: Mapping[str, str] | None = None,
        *,
        idempotent: bool,
        seconds: float,
    ) -> Reply:
        """The reply, after as many tries as `retries` allows."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        sent = merged({**_OURS, **(own or {})}, self.headers)
        for tries in count(1):
            reply = await self._once(method, path, content, sent)
            asked = retry_after(reply.headers, time.time())
            wait = pause(reply.status, tries, idempotent=idempotent, asked=asked, left=until - clock())
            if wait is None:
                break
            await asyncio.sleep(wait)
        return reply

    async def _once(self, method: str, path: str, content: bytes | None, sent: Mapping[str, str]) -> Reply:
        # As bytes: httpx would refuse what is not ASCII in a value.
        named = [(name.encode(), value.encode()) for name, value in sent.items()]
        request = self.client.build_request(method, self.url + path, content=content, headers=named)
        try:
            response = await self.client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Reply(REFUSED, fault=f"it takes no connection ({error!s:.200}).")
        except httpx.TransportError:
            return Reply(BROKEN, fault="the connection broke before an answer.")
        try:
            encoding = response.headers.get("content-encoding", "")
            body, cut = await read_body(response.aiter_raw(), MAX_WHOLE_BYTES, encoding)
            return Reply(response.status_code, body, cut, response.headers)
        except Unreadable as error:
            return Reply(response.status_code, headers=response.headers, fault=str(error))
        except httpx.TransportError:
            return Reply(BROKEN, fault="the connection broke in the middle of the answer.")
        finally:
            await response.aclose()
