"""`codex-agent serve` as a process: how it says that it is up, and how it ends.

The first SIGTERM or SIGINT begins the drain, during which all routes go on answering; the second ends the
process. Every wait on the way out has an end.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from ..runs.faults import log_fault
from .connection import HEAD_BYTES, Connection, bounded
from .limits import CANCEL_SECONDS, KEEP_ALIVE_SECONDS, LIMITS, Limits
from .listening import BACKLOG, Bind, check_bind, listen, url_of, why_not

__all__ = ["say", "serve"]

logger = logging.getLogger(__name__)

# A connection each: 500 slow heads, 500 slow bodies and 500 runs are well inside; many systems give 1,024.
DESCRIPTORS = 8_192

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "sentence": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"format": "%(message)s"},
    },
    "handlers": {
        "sentences": {"class": "logging.StreamHandler", "formatter": "sentence"},
        "lines": {"class": "logging.StreamHandler", "formatter": "json"},
    },
    "loggers": {
        "litellm_codex_agent": {"handlers": ["sentences"], "level": "INFO", "propagate": False},
        "litellm_codex_agent.access": {"handlers": ["lines"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["sentences"], "level": "WARNING", "propagate": False},
    },
}

Drain = Callable[[], Awaitable[None]]
Announce = Callable[[str], None]


def say(url: str) -> None:
    """Where the server answers, for whoever started it."""
    print(f"codex-agent serve: {url}", flush=True)


def serve(
    app: ASGIApp,
    *,
    bind: Bind,
    drain: Drain,
    announce: Announce = say,
    limits: Limits = LIMITS,
) -> int:
    """Serve until a signal comes; the exit status.

    `drain` is awaited once, at the first signal: it stops admission, gives the runs their time and ends them.
    `announce` is told the address once the server answers there.
    """
    check_bind(bind)
    try:
        listeners = listen(bind.host, bind.port)
    except OSError as error:
        print(f"codex-agent serve: {why_not(error, bind.host, bind.port)}", file=sys.stderr)
        return 1
    _raise_descriptors()
    server = _Server(_config(app, limits), drain, announce, secrets=(bind.key,), limits=limits)
    try:
        server.run(sockets=listeners)
    except SystemExit:  # how newer uvicorns say that the app did not start; it is logged
        return 1
    return server.exit_status if server.started else 1


def _config(app: ASGIApp, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=bounded(limits),
        ws="none",
        lifespan="on",
        log_config=LOGGING,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Nobody's word is taken for where a request comes from.
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(limits.flush + CANCEL_SECONDS),
        h11_max_incomplete_event_size=HEAD_BYTES,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, which drains before it stops."""

    def __init__(
        self, config: uvicorn.Config, drain: Drain, announce: Announce, *, secrets: tuple[str, ...], limits: Limits
    ) -> None:
        super().__init__(config)
        self.exit_status = 0
        self._drain = drain
        self._announce = announce
        self._secrets = secrets
        self._limits = limits
        self._signals = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        # Held here: a loop holds its tasks weakly.
        self._draining: asyncio.Future[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if sockets and self.started:
            self._announce(url_of(sockets[0]))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Not uvicorn's, which stops at the first signal, and raises it again when it has stopped."""
        self._signals += 1
        if self._signals > 1:
            signal.signal(sig, signal.SIG_DFL)  # a third kills, whatever hangs here
            self.exit_status = 128 + sig  # as shells say it
            self.should_exit = self.force_exit = True
            _end_after(self._limits.at_once, self.exit_status)
        elif self.started and self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin_drain)
        else:
            self.should_exit = True

    def _begin_drain(self) -> None:
        self._draining = asyncio.ensure_future(self._drain())
        self._draining.add_done_callback(self._drained)

    def _drained(self, draining: asyncio.Future[None]) -> None:
        error = None if draining.cancelled() else draining.exception()
        if error is not None:
            log_fault(logger, "The runs were not stopped in order.", error, self._secrets)
            self.exit_status = 1
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _end_after(self._limits.last, self.exit_status or 1)
        await self._stop_app()  # before the connections are cut: each run is stopped, and not left by its client
        flushed = asyncio.get_running_loop().call_later(0 if self.force_exit else self._limits.flush, self._cut)
        await super().shutdown(sockets)
        flushed.cancel()
        await self._stop_app()

    async def _stop_app(self) -> None:
        """After a second signal uvicorn does not: what the app has begun would be cut. `_end_after` bounds it."""
        if self.force_exit:
            for listener in self.servers:
                listener.close()
            await self.lifespan.shutdown()

    def _cut(self) -> None:
        """A client that holds its stream open does not hold the process."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                connection.cut()


def _end_after(seconds: float, status: int) -> None:
    """End the process then, if it has not ended: a thread, since the loop may be what hangs."""
    last = threading.Timer(seconds, os._exit, (status,))
    last.daemon = True
    last.start()


def _raise_descriptors() -> None:
    """As many open files as the system lets this process have, up to `DESCRIPTORS`."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
