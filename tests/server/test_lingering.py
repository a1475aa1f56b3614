"""A reply to half a request is sent at once, and ends when the request has: so that a refusal can be read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from litellm_codex_agent.server.lingering import Lingering

BODY = [(b"content-length", b"9")]
MORE = {"type": "http.request", "body": b"xxx", "more_body": True}
LAST = {"type": "http.request", "body": b"xxx", "more_body": False}
GONE = {"type": "http.disconnect"}


async def refuses(scope: Scope, receive: Receive, send: Send) -> None:
    await Response("no", 413)(scope, receive, send)


async def closes(scope: Scope, receive: Receive, send: Send) -> None:
    await Response("no", 408, {"Connection": "Close"})(scope, receive, send)


async def reads_first(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await refuses(scope, receive, send)


def run(app: Any, *arriving: dict[str, Any], headers: Any = BODY) -> list[str]:
    """What happened, in order: parts received as `<`, the head and the parts of the reply as they were sent."""
    left, happened = list(arriving), []

    async def receive() -> Any:
        happened.append("<")
        return left.pop(0) if left else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            happened.append("close" if (b"connection", b"close") in message["headers"] else "head")
        else:
            happened.append(message["body"].decode() + ("…" if message.get("more_body") else "."))

    scope = {"type": "http", "method": "POST", "headers": headers}
    asyncio.run(Lingering(app, seconds=0.05)(scope, receive, send))
    return happened


def test_the_reply_is_sent_at_once_and_ends_after_the_request() -> None:
    assert run(refuses, MORE, MORE, LAST) == ["head", "no…", "<", "<", "<", "."]


def test_of_a_chunked_request_too() -> None:
    assert run(refuses, LAST, headers=[(b"transfer-encoding", b"chunked")]) == ["head", "no…", "<", "."]


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"0")]])
def test_a_request_without_a_body_is_not_waited_for(headers: Any) -> None:
    assert run(refuses, headers=headers) == ["head", "no."]


def test_nor_is_one_that_was_read() -> None:
    assert run(reads_first, LAST) == ["<", "head", "no."]


def test_nor_is_one_whose_client_has_gone() -> None:
    assert run(reads_first, GONE) == ["<", "head", "no."]


def test_a_reply_that_closes_the_connection_does_so() -> None:
    assert run(closes, MORE)[1:] == ["no."]


def test_a_request_that_does_not_end_is_waited_for_only_so_long() -> None:
    assert run(refuses, MORE) == ["head", "no…", "<", "<", "."]


ASKS = [*BODY, (b"expect", b"100-Continue")]


def test_a_client_that_waits_to_be_asked_is_told_to_come_on_another_connection() -> None:
    assert run(refuses, headers=ASKS) == ["close", "no."]


def test_one_that_was_asked_is_like_any_other() -> None:
    assert run(reads_first, MORE, LAST, headers=ASKS) == ["<", "head", "no…", "<", "."]


def test_only_requests_linger() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    asyncio.run(Lingering(app)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]  # neither is used
    assert seen == ["lifespan"]
