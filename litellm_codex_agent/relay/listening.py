"""Where agents reach the relay: a port of 127.0.0.1, or a socket in the file system; uvicorn's connections on it.

Law: no loop that polls, no signal handler, and nothing is left after `close`: what is open then is cut.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

__all__ = ["CONNECTION", "Listening", "listen"]

# By this name a request's `state` holds its connection, so that a reply can be cut.
CONNECTION = "connection"
# Of all agents that come in here together: 64 conversations at once were measured to be what one Codex carries.
MAX_CONNECTIONS = 256
# As the server has it: Codex sends what it knows of a turn in one header.
HEAD_BYTES = 64 * 1024
# An agent that thinks between two calls finds its connection still there: Codex keeps one for 90 s.
KEEP_ALIVE_SECONDS = 120
# Connections that are cut end within one turn of the loop; whoever needs longer is cancelled.
STOP_SECONDS = 2.0
_BACKLOG = 256
_logger = logging.getLogger(f"{__name__}.connections")
_OWNER_ONLY = 0o600


class Listening:
    """An open listener. `address` is `http://127.0.0.1:<port>`, or the socket's path."""

    def __init__(self, app: ASGIApp, path: Path | None) -> None:
        self.address = str(path or "")
        self._path = path
        self._open = True
        self._state = ServerState()
        # Loggers stay as they are: this may be one server among others in its process.
        self._config = uvicorn.Config(
            app,
            http=H11Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            h11_max_incomplete_event_size=HEAD_BYTES,
        )
        self._config.load()

    async def start(self) -> None:
        # An upgrade that is refused, and bytes that are no HTTP, are an agent's doing and told to it; uvicorn warns.
        _logger.setLevel(logging.ERROR)
        loop = asyncio.get_running_loop()
        if self._path is None:
            listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
            self._server = await loop.create_server(self._connection, sock=listener)
            self.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        else:
            listener = _bound(self._path)
            self._server = await loop.create_unix_server(self._connection, sock=listener, backlog=_BACKLOG)

    async def close(self) -> None:
        self._open = False
        self._server.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        for connection in list(self._state.connections):
            connection.transport.abort()
        if self._state.tasks:
            _, late = await asyncio.wait(list(self._state.tasks), timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
        await self._server.wait_closed()

    def _connection(self) -> asyncio.Protocol:
        if not self._open or len(self._state.connections) >= MAX_CONNECTIONS:
            return _Refused()
        connection = H11Protocol(config=self._config, server_state=self._state, app_state={})
        connection.app_state = {CONNECTION: connection}
        connection.access_log = False
        connection.logger = _logger
        return connection


async def listen(app: ASGIApp, path: Path | None) -> Listening:
    """Serve `app` at `path`, or at a free port. A file of that name is an `OSError`; only its owner may use it."""
    listening = Listening(app, path)
    await listening.start()
    return listening


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        # Nobody can connect yet: it does not listen.
        path.chmod(_OWNER_ONLY)
    except OSError:
        listener.close()
        raise
    return listener
