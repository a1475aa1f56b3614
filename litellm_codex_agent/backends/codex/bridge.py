"""From the app-server to the run's own wall: what it wants started or written goes to an exec-server in there.

Codex asks for its commands and files over a websocket, and the exec-server behind the wall has pipes.

Law: whatever acts waits at the gate until the run has told it, so that what a run has begun to change is known even
after a crash.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from ...sandbox.spoken import Spoken
from ...wire.strict_json import read_json
from .connection import MAX_LINE_BYTES

__all__ = ["After", "Bridge", "Environment", "Gate"]

# What is called when the act was answered, with whether it went well.
After = Callable[[bool], Awaitable[None]]
Gate = Callable[[str, Mapping[str, Any]], Awaitable[After | None]]

_TOKEN_BYTES = 32
# They look, or go on with what was begun; all else that has to do with files changes them.
_LOOKS = frozenset(
    {
        "fs/canonicalize",
        "fs/getMetadata",
        "fs/join",
        "fs/parent",
        "fs/readDirectory",
        "fs/readFile",
        "fs/unwatch",
        "fs/watch",
        "fs/watchMissing",
        "fs/walk",
    }
)
_STARTS = "process/start"


@dataclass(frozen=True)
class Environment:
    """One run's place, as `environment/add` takes it."""

    id: str
    url: str
    token: str = field(repr=False)


@dataclass
class _Place:
    token: str
    child: Spoken
    gate: Gate
    taken: bool = False
    awaited: dict[str, After] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Bridge:
    """Listens on loopback; each environment has a path and a token of its own."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._server: Server

    @contextmanager
    def environment(self, child: Spoken, gate: Gate) -> Iterator[Environment]:
        """A way to `child` for as long as the block lasts, for the first who comes with the token."""
        id, token = f"env-{secrets.token_hex(16)}", secrets.token_urlsafe(_TOKEN_BYTES)
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        self._places[id] = _Place(token, child, gate)
        try:
            yield Environment(id, f"ws://{host}:{port}/{id}", token)
        finally:
            self._places.pop(id).over.set()

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """The refusal, or None where it may come in."""
        place = self._places.get(request.path.lstrip("/"))
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if place is None or not hmac.compare_digest(given.encode("utf-8", "replace"), place.token.encode()):
            return connection.respond(HTTPStatus.UNAUTHORIZED, "This way needs its token.\n")
        if place.taken:
            return connection.respond(HTTPStatus.CONFLICT, "Somebody is here already.\n")
        place.taken = True
        return None

    async def carry(self, connection: ServerConnection) -> None:
        """Both ways until the run has ended, and silence afterwards."""
        assert connection.request is not None
        place = self._places.get(connection.request.path.lstrip("/"))
        if place is None:  # the run has ended between its head and its first word
            return
        works = _inwards(connection, place), _outwards(connection, place), place.over.wait()
        ways = [asyncio.ensure_future(work) for work in works]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            # What they fail with is that the other side is gone.
            await asyncio.gather(*ways, return_exceptions=True)
        # Codex knocks ten times a second where this closes, and no run asks for it again: it stays, and says nothing.
        with suppress(ConnectionClosed):
            async for _ in connection:
                pass

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Bridge]:
        """It listens while the block lasts."""
        quiet = logging.getLogger("litellm_codex_agent.bridge")
        # Each of its lines is a connection that came or went.
        quiet.setLevel(logging.ERROR)
        self._server = await serve(
            self.carry,
            "127.0.0.1",
            0,
            process_request=self.admit,
            compression=None,
            max_size=MAX_LINE_BYTES,
            ping_interval=None,
            close_timeout=1,
            logger=quiet,
        )
        try:
            yield self
        finally:
            self._server.close()
            await self._server.wait_closed()


async def _inwards(connection: ServerConnection, place: _Place) -> None:
    async for message in connection:
        data = message.encode() if isinstance(message, str) else message
        asked = _read(data)
        method, params = str(asked.get("method", "")), asked.get("params")
        if _acts(method):
            after = await place.gate(method, params if isinstance(params, Mapping) else {})
            # What has no number is not answered.
            if after is not None and "id" in asked:
                place.awaited[str(asked["id"])] = after
        await place.child.write(data.replace(b"\n", b" ") + b"\n")


async def _outwards(connection: ServerConnection, place: _Place) -> None:
    with suppress(ConnectionClosed):
        async for line in place.child.lines(MAX_LINE_BYTES):
            if line.cut:
                continue
            # Most lines are output, and nobody needs to look into them.
            if place.awaited:
                answer = _read(line.data)
                if (after := place.awaited.pop(str(answer.get("id")), None)) is not None:
                    await after("error" not in answer)
            await connection.send(line.data.decode("utf-8", "replace"))


def _read(data: bytes) -> Mapping[str, Any]:
    """A message, or nothing where it cannot be read."""
    try:
        message = read_json(data)
    except ValueError:
        return {}
    return message if isinstance(message, Mapping) else {}


def _acts(method: str) -> bool:
    """Of what cannot be read, the worst is believed."""
    return method in ("", _STARTS) or (method.startswith("fs/") and method not in _LOOKS)
