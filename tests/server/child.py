"""A server for tests, as a process of its own: `serve` around a small app. Its options are JSON in its argv."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

TICK_SECONDS = 0.02


def make_app(options: dict[str, Any], draining: asyncio.Event) -> Starlette:
    from litellm_codex_agent.server.body import read_body
    from litellm_codex_agent.server.errors import HANDLERS
    from litellm_codex_agent.server.guard import Rules
    from litellm_codex_agent.server.layers import layers

    async def health(_: Request) -> Response:
        return JSONResponse({"ok": True})

    async def ready(_: Request) -> Response:
        return JSONResponse({"ok": not draining.is_set()}, status_code=503 if draining.is_set() else 200)

    async def size(request: Request) -> Response:
        return PlainTextResponse(str(len(await read_body(request, seconds=options.get("read", 35)))))

    async def unread(request: Request) -> Response:
        return PlainTextResponse("did not look")

    async def stream(_: Request) -> Response:
        async def ticks() -> AsyncIterator[bytes]:
            while options.get("stubborn") or not draining.is_set():
                yield b": tick\n\n"
                await asyncio.sleep(TICK_SECONDS)
            yield b"data: shutdown\n\n"

        return StreamingResponse(ticks(), media_type="text/event-stream")

    async def flood(_: Request) -> Response:
        async def much() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 65_536
                if not options.get("hang"):
                    await asyncio.sleep(0)

        return StreamingResponse(much(), media_type="text/event-stream")

    async def boom(_: Request) -> Response:
        raise ValueError("sk-secret-of-the-server in the text of an error")

    routes = [
        Route("/health", health),
        Route("/ready", ready),
        Route("/size", size, methods=["POST"]),
        Route("/unread", unread, methods=["GET", "POST"]),
        Route("/stream", stream),
        Route("/flood", flood),
        Route("/boom", boom),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if options.get("start_fails"):
            raise RuntimeError("sk-secret-of-the-server in the text of an error")
        if "start" in options:
            print("starting", flush=True)
            await asyncio.sleep(options["start"])
        yield

    rules = Rules(key=options.get("key", ""))
    around = layers(rules, ("sk-secret-of-the-server",))
    return Starlette(routes=routes, middleware=around, exception_handlers=HANDLERS, lifespan=lifespan)


def main(options: dict[str, Any]) -> int:
    if options.get("loop") == "asyncio":
        sys.modules["uvloop"] = None  # type: ignore[assignment]  # as where it is not installed
    if "descriptors" in options:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (options["descriptors"], hard))
    from litellm_codex_agent.server.limits import Limits
    from litellm_codex_agent.server.listening import Bind
    from litellm_codex_agent.server.serving import serve

    draining = asyncio.Event()

    async def drain() -> None:
        draining.set()
        print("draining", flush=True)
        if options.get("drain_fails"):
            raise RuntimeError(f"{options['key']} in the text of an error")
        await asyncio.sleep(options.get("drain", 0.3))

    return serve(
        make_app(options, draining),
        bind=Bind(options.get("host", "127.0.0.1"), options.get("port", 0), options.get("key", "")),
        drain=drain,
        limits=Limits(**options.get("limits", {})),
    )


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
