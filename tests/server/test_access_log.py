"""A line a request: what was asked, what came of it, and nothing of what was said."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from litellm_codex_agent.server.access_log import AccessLog
from litellm_codex_agent.server.errors import HANDLERS
from litellm_codex_agent.server.guard import Rules
from litellm_codex_agent.server.layers import layers

from .asking import ask

KEY, SAID = "sk-of-the-server-1234", "what the user said"


async def answers(request: Request) -> Response:
    await request.body()
    return JSONResponse({"answer": SAID}, headers={"X-Codex-Agent-Run-Id": "run_1"})


async def streams(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"12345"
        yield b"678"

    return StreamingResponse(parts())


async def boom(_: Request) -> Response:
    raise ValueError


ROUTES = [Route("/run", answers, methods=["POST"]), Route("/stream", streams), Route("/boom", boom)]
APP = Starlette(routes=ROUTES, middleware=layers(Rules(key=KEY)), exception_handlers=HANDLERS)


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    told = [record for record in caplog.records if record.name == "litellm_codex_agent.access"]
    return [json.loads(record.getMessage()) for record in told]


def line_for(caplog: pytest.LogCaptureFixture, method: str, path: str, **more: Any) -> dict[str, Any]:
    with caplog.at_level(logging.INFO, "litellm_codex_agent.access"):
        ask(APP, method, path, **{"headers": {"authorization": f"Bearer {KEY}"}, **more})
    (line,) = lines(caplog)
    return line


def test_a_line_tells_what_was_asked_and_what_came_of_it(caplog: pytest.LogCaptureFixture) -> None:
    headers = {"authorization": f"Bearer {KEY}", "x-codex-agent-tenant": "tenant-of-a-key"}
    line = line_for(caplog, "POST", "/run", headers=headers, json={"content": SAID})
    at, took = datetime.fromisoformat(line.pop("at")), line.pop("ms")
    assert at.utcoffset() == timedelta(0) and 0 <= took < 60_000
    same = {"method": "POST", "path": "/run", "status": 200, "run_id": "run_1", "tenant": "tenant-o"}
    assert line == {**same, "bytes": len(json.dumps({"answer": SAID}).replace(": ", ":"))}


def test_nothing_that_was_said_and_no_key_is_in_it(caplog: pytest.LogCaptureFixture) -> None:
    line_for(caplog, "POST", f"/run?key={KEY}&q=asked", json={"content": SAID})
    assert not [word for word in (KEY, SAID, "asked", "?") if word in caplog.text]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/boom", 500), ("GET", "/nowhere", 404), ("GET", "/run", 405), ("GET", "/stream", 200)],
)
def test_every_end_has_its_status(caplog: pytest.LogCaptureFixture, method: str, path: str, status: int) -> None:
    assert line_for(caplog, method, path)["status"] == status


def test_a_refused_caller_has_a_line_and_no_tenant(caplog: pytest.LogCaptureFixture) -> None:
    line = line_for(caplog, "GET", "/stream", headers={})
    assert (line["status"], line["tenant"], line["run_id"]) == (401, "", "")


def test_the_bytes_of_a_stream_are_added_up(caplog: pytest.LogCaptureFixture) -> None:
    assert line_for(caplog, "GET", "/stream")["bytes"] == 8


def test_a_path_is_cut_and_cannot_begin_a_line(caplog: pytest.LogCaptureFixture) -> None:
    line_for(caplog, "GET", "/%0aINFO%1b[1mé" + "x" * 500)
    (record,) = [record for record in caplog.records if record.name == "litellm_codex_agent.access"]
    said = record.getMessage()
    assert said.isascii() and said.isprintable() and len(said) < 450


HEAD = {"type": "http.response.start", "status": 200, "headers": []}
HALF = {"type": "http.response.body", "body": b"half", "more_body": True}
END = {"type": "http.response.body", "body": b""}


def line_of(caplog: pytest.LogCaptureFixture, *sent: dict[str, Any], then: Any = None, gone: bool = False) -> Any:
    """The line of an answer of which this was sent, before it ended so."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in sent:
            await send(message)
        if gone:
            await receive()
        if then is not None:
            raise then

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None: ...

    async def run() -> None:
        await AccessLog(app)({"type": "http", "method": "GET", "path": "/"}, receive, send)

    with caplog.at_level(logging.INFO, "litellm_codex_agent.access"):
        results = asyncio.run(gathered(run()))
    assert isinstance(results[0], type(then))
    return lines(caplog)[0]


async def gathered(what: Any) -> list[Any]:
    return await asyncio.gather(what, return_exceptions=True)


@pytest.mark.parametrize(
    ("sent", "then", "gone", "status"),
    [
        ([HEAD, HALF, END], None, False, 200),
        ([HEAD, END], None, True, 200),
        ([HEAD, HALF], None, True, 499),
        ([], ClientDisconnect(), False, 499),
        ([HEAD, HALF], ClientDisconnect(), False, 499),
        ([HEAD, HALF], ValueError(), False, 500),
        ([], ValueError(), False, 500),
        ([HEAD, HALF], None, False, 500),
    ],
)
def test_an_answer_that_was_cut_says_by_whom(
    caplog: pytest.LogCaptureFixture, sent: list[Any], then: Any, gone: bool, status: int
) -> None:
    assert line_of(caplog, *sent, then=then, gone=gone)["status"] == status


def test_only_requests_have_a_line(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None: ...

    with caplog.at_level(logging.INFO, "litellm_codex_agent.access"):
        asyncio.run(AccessLog(app)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]  # neither is used
    assert lines(caplog) == []
