"""Who may ask: a seat is one conversation of an agent, known by its token; while a run works on it, it has a meter.

Law: tokens are found by their digest, so no comparison tells how much of one was right; and what is under way when a
seat's meter changes is cut, since it belongs to a run that has ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterable

import httpx

from .meter import Meter
from .upstream import Upstream

__all__ = ["Seat", "Seats"]

_TOKEN_BYTES = 32


class Seat:
    """One agent's way to its model. Its token is all that the agent is given."""

    def __init__(self, upstream: Upstream, client: httpx.AsyncClient, seats: Seats) -> None:
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self.upstream = upstream
        self.client = client
        # Requests that hold memory: those of which the body arrives, and those under way.
        self.held = 0
        self.under_way = set[asyncio.Future[None]]()
        self._meter: Meter | None = None
        self._seats = seats

    @property
    def meter(self) -> Meter | None:
        """The running run's; None, and so every request is refused, while there is none."""
        return self._meter

    @meter.setter
    def meter(self, meter: Meter | None) -> None:
        if meter is not self._meter:
            self._meter = meter
            self._cut()

    def close(self) -> None:
        """Nobody comes in by this token again; what is under way is cut."""
        self._seats.drop(self)
        self.meter = None

    def _cut(self) -> None:
        for request in list(self.under_way):
            request.cancel()


class Seats:
    """All seats of a relay."""

    def __init__(self) -> None:
        self._by_digest: dict[bytes, Seat] = {}

    def add(self, seat: Seat) -> None:
        self._by_digest[_digest(seat.token.encode())] = seat

    def drop(self, seat: Seat) -> None:
        self._by_digest.pop(_digest(seat.token.encode()), None)

    def find(self, headers: Iterable[tuple[bytes, bytes]]) -> Seat | None:
        """Whose token is in these headers, as a bearer's or as `x-api-key`."""
        found = (self._by_digest.get(_digest(token)) for token in map(_token, headers) if token)
        return next(filter(None, found), None)


def _token(header: tuple[bytes, bytes]) -> bytes:
    name, value = header
    if name.lower() == b"x-api-key":
        return value.strip()
    scheme, _, token = value.partition(b" ")
    return token.strip() if name.lower() == b"authorization" and scheme.lower() == b"bearer" else b""


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
