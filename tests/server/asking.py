"""One request to an app in this process, and an app that tells what the guard made of it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from litellm_codex_agent.server.guard import Guard, Rules, caller_of

KEY, OPERATOR = "sk-of-the-server", "sk-of-the-operator"
LOCKED = Rules(key=KEY, operator_key=OPERATOR)
OPEN = Rules()


def ask(app: ASGIApp, method: str, path: str, *, base: str = "http://127.0.0.1:8788", **more: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=base) as client:
            return await client.request(method, path, **more)

    return asyncio.run(run())


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error of a refusal, which has OpenAI's four fields and no other."""
    body = response.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    found: dict[str, Any] = body["error"]
    return found


async def whose(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it knows of its caller, and with the path that it was asked for."""
    caller = caller_of(scope)
    body = {"caller": [caller.tenant, caller.operator, caller.trusted], "path": Request(scope).url.path}
    await JSONResponse(body)(scope, receive, send)


def told(rules: Rules, path: str = "/v1/models", method: str = "GET", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(Guard(whose, rules), method, path, headers=named)
