"""The routes of the agent endpoint. `uvicorn litellm_codex_agent.server.app:app --port 8788` serves them."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .. import settings
from ..backends.echo import echo
from ..backends.events import Backend
from ..wire.chat import error_body
from .chat import BadChat, read_chat, streamed, whole

__all__ = ["app", "make_app"]

BACKENDS: Mapping[str, Backend] = {"echo": echo}
# A conversation with pictures; SERVER.md's limit.
MAX_BODY_BYTES = 4 * 1024 * 1024

_Handler = Callable[[Request], Awaitable[Response]]


def make_app(key: str = "", backends: Mapping[str, Backend] = BACKENDS) -> Starlette:
    """The endpoint for `backends`; with a `key`, all but the health routes ask for it."""

    async def chat(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _error(413, f"The request body is larger than {MAX_BODY_BYTES:,} bytes.", "request_too_large")
        try:
            asked, stream, usage = read_chat(body)
        except BadChat as error:
            return _error(400, str(error), "invalid_request_error")
        backend = backends.get(asked.model)
        if backend is None:
            names = ", ".join(sorted(backends))
            return _error(404, f"There is no model {asked.model!r}. There is: {names}.", "model_not_found")
        if stream:
            return StreamingResponse(streamed(backend, asked, usage=usage), media_type="text/event-stream")
        return JSONResponse(await whole(backend, asked))

    async def models(_: Request) -> Response:
        data = [{"id": name, "object": "model", "owned_by": "litellm-codex-agent"} for name in sorted(backends)]
        return JSONResponse({"object": "list", "data": data})

    async def alive(_: Request) -> Response:
        return JSONResponse({"ok": True})

    return Starlette(
        routes=[
            Route("/v1/chat/completions", _guarded(key, chat), methods=["POST"]),
            Route("/chat/completions", _guarded(key, chat), methods=["POST"]),
            Route("/v1/models", _guarded(key, models)),
            Route("/ready", alive),
            Route("/health", alive),
            Route("/healthz", alive),
        ]
    )


def _guarded(key: str, handler: _Handler) -> _Handler:
    async def checked(request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key and not hmac.compare_digest(given.encode(), key.encode()):
            return _error(
                401, "The key is missing or wrong. Send it as `Authorization: Bearer <key>`.", "invalid_api_key"
            )
        return await handler(request)

    return checked


async def _body(request: Request) -> bytes | None:
    """The body, counted while it arrives; None where it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def _error(status: int, message: str, code: str) -> Response:
    kind = "authentication_error" if status == 401 else "invalid_request_error"
    return JSONResponse(error_body(message, type=kind, code=code), status_code=status)


app = make_app(settings.server().key)
