"""The endpoint in this process, asked by httpx: for what a route says, and not for how its socket behaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from litellm_codex_agent import settings
from litellm_codex_agent.backends.backend import Backend
from litellm_codex_agent.server.app import make_app
from litellm_codex_agent.wire import sse

PATIENCE = 30.0
CHAT = "/v1/chat/completions"
USER = {"role": "user", "content": "one two three"}
ECHO = {"model": "echo", "messages": [USER]}


@asynccontextmanager
async def served(
    state: Path, backends: Mapping[str, Backend] | None = None, **variables: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an endpoint whose state is in `state`; `variables` are settings by their names."""
    app = make_app(settings.server({"CODEX_AGENT_STATE": str(state), **variables}), backends)
    transport = httpx.ASGITransport(app=app)
    async with app.opened(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


def within(
    state: Path, scene: Callable[[httpx.AsyncClient], Awaitable[Any]], backends: Any = None, **variables: str
) -> Any:
    """What `scene` makes of such a client."""

    async def run() -> Any:
        async with served(state, backends, **variables) as client:
            return await asyncio.wait_for(scene(client), PATIENCE)

    return asyncio.run(run())


def ask(
    state: Path, method: str, path: str, *, backends: Any = None, variables: Any = None, **sent: Any
) -> httpx.Response:
    """One request and its response."""
    response: httpx.Response = within(
        state, lambda client: client.request(method, path, **sent), backends, **(variables or {})
    )
    return response


def events(body: bytes) -> list[tuple[str, str, Any]]:
    """Name, id and content of each event of a stream, without its end mark, which has to be there."""
    *told, end = sse.Decoder().feed(body)
    assert end.data == b"[DONE]"
    return [(event.name, event.id, json.loads(event.data)) for event in told]
