"""The relay: agents come in by a token of theirs, and go out by the operator's key.

Law: all that it opens is closed when it is left, and no key is in what it says, returns or shows.
"""

from __future__ import annotations

import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType

import httpx

from .asking import Asking
from .listening import Listening, listen
from .seats import Seat, Seats
from .upstream import Upstream

__all__ = ["Relay", "SILENCE_SECONDS"]

# As long as Codex itself waits for the next event of a stream; a model that thinks sends some before that.
SILENCE_SECONDS = 300.0
# A model's endpoint that takes no connection in this time is down.
CONNECT_SECONDS = 10.0
# `Seat` bounds the requests; a pool with a bound of its own would let one agent wait for another.
_POOL = httpx.Limits(max_connections=None, max_keepalive_connections=64)


class Relay:
    """Listens while it is entered, at `path` or at a free port of 127.0.0.1.

    Connections are bounded for all who come in here, so agents that shall not take them from each other have a relay
    each. An upstream that says nothing for `silence` seconds is given up.
    """

    def __init__(self, path: Path | None = None, *, silence: float = SILENCE_SECONDS) -> None:
        self._path = path
        self._timeout = httpx.Timeout(silence, connect=min(silence, CONNECT_SECONDS))
        self._seats = Seats()
        self._listening: Listening | None = None
        self._clients: dict[tuple[ssl.SSLContext | bool, str | None], httpx.AsyncClient] = {}

    @property
    def address(self) -> str:
        """`http://127.0.0.1:<port>`, before the `/v1` of an agent's base URL; or the socket's path."""
        assert self._listening is not None, "a relay has an address while it is entered"
        return self._listening.address

    def seat(self, upstream: Upstream) -> Seat:
        """A new way to `upstream`, by a token of its own; for the life of one conversation."""
        seat = Seat(upstream, self._client(upstream), self._seats)
        self._seats.add(seat)
        return seat

    async def __aenter__(self) -> Relay:
        self._listening = await listen(Asking(self._seats), self._path)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listening is not None
        await self._listening.close()
        self._listening = None
        while self._clients:
            await self._clients.popitem()[1].aclose()

    def _client(self, upstream: Upstream) -> httpx.AsyncClient:
        """One for each way out, since making one reads all certificates; it knows no key and keeps no cookie."""
        way = (upstream.verify, upstream.proxy)
        if way not in self._clients:
            self._clients[way] = httpx.AsyncClient(
                verify=upstream.verify,
                proxy=upstream.proxy,
                trust_env=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                timeout=self._timeout,
                limits=_POOL,
            )
        return self._clients[way]
