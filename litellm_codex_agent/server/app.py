"""The agent endpoint as an ASGI application. `uvicorn litellm_codex_agent.server.app:app --port 8788` serves it.

It opens its state when the server starts, and not when this module is imported. Under plain uvicorn it lacks what
needs the socket: the time limit on heads, the bind rule, and a drain that has an end; `codex-agent serve` has them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import settings
from ..agent.setup import setup
from ..backends.backend import Backend, Living, NotReady
from ..backends.codex.codex import Codex
from ..backends.mini import Mini
from ..backends.table import backends as all_backends
from ..runs.journal import Journal, JournalError
from ..runs.recorder import Recorder
from ..runs.recording import Unrecorded, prepare
from ..runs.retention import keep_pruned
from ..runs.run import Run
from ..runs.state import State, StateError, opened
from ..runs.supervisor import Draining, Limits, Supervisor
from ..settings import ServerSettings
from . import agent, chat, status
from .errors import HANDLERS, to_response
from .guard import Rules
from .hosts import allowed_hosts, own_name, reachable
from .house import House
from .layers import layers
from .metrics import Metrics
from .reply import BEAT_SECONDS, cannot_read, refusal_of

__all__ = ["Endpoint", "app", "make_app"]

if TYPE_CHECKING:
    from ..backends.codex.kit import Kit

    app: Endpoint

_Handler = Callable[[House, Request], Awaitable[ASGIApp]]

_ROUTES: tuple[tuple[str, str, _Handler], ...] = (
    ("POST", "/v1/chat/completions", chat.answer_chat),
    ("POST", "/chat/completions", chat.answer_chat),
    ("GET", "/v1/models", status.models),
    # A model's name may hold slashes.
    ("GET", "/v1/models/{model:path}", status.model),
    ("POST", "/agent/run", agent.answer_run),
    ("POST", "/agent/runs", agent.begin_run),
    ("GET", "/agent/runs/{run_id}", agent.show_run),
    ("GET", "/agent/runs/{run_id}/events", agent.watch_run),
    ("DELETE", "/agent/runs/{run_id}", agent.cancel_run),
    ("GET", "/ready", status.ready),
    ("GET", "/health", status.alive),
    ("GET", "/healthz", status.alive),
    ("GET", "/metrics", status.metrics),
    ("GET", "/openapi.json", status.openapi),
)

_PATHS = tuple(dict.fromkeys(path for _, path, _ in _ROUTES))
_HANDLERS = {(method, path): handler for method, path, handler in _ROUTES}

_LACKS = (
    "Served by plain uvicorn, this endpoint has no time limit on heads, no rule on addresses and no drain with an end. "
    "`codex-agent serve` has them."
)

_log = logging.getLogger("litellm_codex_agent.server")


class Endpoint:
    """The application: closed until its server starts it, and again when that stops it."""

    def __init__(
        self,
        config: ServerSettings,
        backends: Mapping[str, Backend],
        *,
        plain: bool = False,
        beat: float = BEAT_SECONDS,
    ) -> None:
        self._plain = plain
        self._config = config
        self._beat = beat
        self._backends = backends
        self._inside: ASGIApp | None = None
        self._state: State | None = None
        self._supervisor: Supervisor | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(self.opened(), receive, send)
        elif self._inside is None:
            raise RuntimeError("The endpoint is not open: its server has to speak ASGI's lifespan.")
        else:
            await self._inside(scope, receive, send)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Endpoint]:
        """Open the state, tell what the last server left unfinished, and answer until the block ends."""
        config = self._config
        if config.record:
            prepare(config.record)
        with opened(config.state) as state:
            journal = Journal(state.journal)
            recorder = Recorder(config.record)
            house = self._house(journal, state, recorder)
            pruning = asyncio.ensure_future(
                keep_pruned(journal, keep_days=config.keep_days, keep_bytes=config.keep_bytes)
            )
            living = AsyncExitStack()
            try:
                for backend in self._backends.values():
                    if isinstance(backend, Living):
                        await living.enter_async_context(backend.opened())
                if count := await house.supervisor.recover():
                    _log.warning("%d runs were unfinished when the last server died: they were interrupted", count)
                self._state, self._supervisor = state, house.supervisor
                self._inside = self._layers(house, state)
                if self._plain:
                    _log.warning(_LACKS)
                yield self
            finally:
                await house.supervisor.drain(0.0)
                # Connections may outlive it by a moment, and so their requests do.
                self._inside = to_response(refusal_of(Draining("The server has stopped.")))
                await living.aclose()
                await recorder.finish()
                pruning.cancel()
                with suppress(asyncio.CancelledError):
                    await pruning
                await journal.close()

    async def drain(self) -> None:
        """Begin nothing more, give the runs their time, and stop those that do not use it."""
        if self._supervisor is not None:
            await self._supervisor.drain(self._config.drain_seconds)

    def announce(self, url: str) -> None:
        """Write down where this server listens, for `codex-agent runs`."""
        if self._state is not None:
            hosts = allowed_hosts(self._config.allowed_hosts, self._config.host)
            self._state.announce(reachable(url), own_name(hosts))

    def _house(self, journal: Journal, state: State, record: Recorder) -> House:
        config, counts = self._config, Metrics(self._backends)

        def on_end(run: Run) -> None:
            if run.done is not None:
                counts.ended(run.record.backend, run.done.stopped_reason, run.seconds, run.done.usage)
            record(run)

        limits = Limits(config.max_runs, config.max_queue, config.max_seconds, config.retry_seconds)
        supervisor = Supervisor(journal, limits, on_end=on_end)
        return House(self._backends, supervisor, counts, self._beat, (config.key, state.operator_key))

    def _layers(self, house: House, state: State) -> ASGIApp:
        config = self._config
        routes = [Route(path, partial(_answer, house, path), methods=_methods(path)) for path in _PATHS]
        hosts = allowed_hosts(config.allowed_hosts, config.host)
        rules = Rules(config.key, hosts, config.allowed_origins, state.operator_key)
        handlers = {**HANDLERS, JournalError: cannot_read}
        return Starlette(routes=routes, exception_handlers=handlers, middleware=layers(rules))


def _methods(path: str) -> list[str]:
    return [method for method, of in _HANDLERS if of == path]


async def _answer(house: House, path: str, request: Request) -> ASGIApp:
    """By the request's method: a path is one route of starlette's, so that its 405 lists all methods it takes."""
    method = "GET" if request.method == "HEAD" else request.method
    return await _HANDLERS[method, path](house, request)


def make_app(
    config: ServerSettings, backends: Mapping[str, Backend] | None = None, *, beat: float = BEAT_SECONDS
) -> Endpoint:
    """The endpoint as it is set up; `backends` are all of them where none are given. `beat`: see `reply`."""
    return Endpoint(config, _all_backends(config) if backends is None else backends, beat=beat)


def _all_backends(config: ServerSettings) -> Mapping[str, Backend]:
    mini = Mini(partial(setup, config.mini, config.state, max_seconds=config.max_seconds, secrets=(config.key,)))
    codex = Codex(partial(_codex_kit, config, mini))
    return {**all_backends(config.recordings, config.replay_pace), mini.name: mini, codex.name: codex}


def _codex_kit(config: ServerSettings, mini: Mini) -> AbstractAsyncContextManager[Kit]:
    """Codex shares the wall and the workspaces with the mini-agent, so that no two runs lend one directory."""
    try:
        from ..backends.codex.kit import opened as codex_kit
    except ModuleNotFoundError as error:
        raise NotReady(f'{error.name} is not installed. Run: pip install "litellm-codex-agent[codex]"') from error
    return codex_kit(config.coding, config.state, mini.setup, keep_days=config.keep_days)


async def _lifespan(opening: AbstractAsyncContextManager[Any], receive: Receive, send: Send) -> None:
    """ASGI's lifespan around `opening`; what cannot be opened is one sentence, and no traceback."""
    await receive()
    try:
        async with opening:
            await send({"type": "lifespan.startup.complete"})
            await receive()
    except (JournalError, NotReady, StateError, Unrecorded) as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.shutdown.complete"})


def __getattr__(name: str) -> Any:
    # Made when `uvicorn module:app` asks for it: who imports this module for the rest sets it up otherwise.
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return Endpoint(config := settings.server(), _all_backends(config), plain=True)
