"""What the server says when it fails or will not: OpenAI's shape, and no word of what happened inside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from litellm_codex_agent.server.errors import HANDLERS, Fallback, HttpError, to_response

from .asking import ask, error_of

SECRET = "sk-of-the-server-1234"
OWN = "sk-of-the-caller-5678"


def app(route: object) -> Starlette:
    return Starlette(
        routes=[Route("/", route, methods=["POST"])],  # type: ignore[arg-type]  # an endpoint
        middleware=[Middleware(Fallback, secrets=(SECRET,))],
        exception_handlers=HANDLERS,
    )


async def boom(_: Request) -> Response:
    raise ValueError(f"{SECRET} and {OWN} and what the user said")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "invalid_request_error"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (503, "server_error"),
    ],
)
def test_a_refusal_has_the_type_that_openai_gives_its_status(status: int, kind: str) -> None:
    response = to_response(HttpError(status, "No.", "a_code", "a_field", {"retry-after": "3"}))
    told = httpx.Response(status, content=bytes(response.body))
    assert error_of(told) == {"message": "No.", "type": kind, "param": "a_field", "code": "a_code"}
    assert (response.status_code, response.headers["retry-after"]) == (status, "3")


def test_a_refusal_raised_in_a_route_is_answered() -> None:
    async def refuses(_: Request) -> Response:
        raise HttpError(409, "No.", "a_code")

    response = ask(app(refuses), "POST", "/")
    assert (response.status_code, error_of(response)["code"]) == (409, "a_code")


def test_an_unknown_route_is_a_404_in_the_same_shape() -> None:
    response = ask(app(boom), "POST", "/nowhere")
    assert (response.status_code, error_of(response)["code"]) == (404, "unknown_url")


def test_a_wrong_method_is_a_405_that_lists_the_right_ones() -> None:
    response = ask(app(boom), "DELETE", "/")
    assert (response.status_code, error_of(response)["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


def test_any_other_refusal_of_starlettes_keeps_its_sentence() -> None:
    async def refuses(_: Request) -> Response:
        raise HTTPException(418, "A teapot.", headers={"x-pot": "1"})

    response = ask(app(refuses), "POST", "/")
    assert (response.status_code, error_of(response)["message"], response.headers["x-pot"]) == (418, "A teapot.", "1")


def test_a_fault_is_a_500_that_tells_nothing() -> None:
    response = ask(app(boom), "POST", "/")
    assert (response.status_code, error_of(response)["code"]) == (500, "internal_error")
    assert not [word for word in (SECRET, "user", "Traceback", "ValueError", ".py") if word in response.text]


def faults_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.INFO):
        ask(app(boom), "POST", "/", headers={"authorization": f"Bearer {OWN}"})
    return [record.getMessage() for record in caplog.records if record.name == "litellm_codex_agent.server.errors"]


def test_it_is_logged_once_by_where_it_was_raised_and_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    (said,) = faults_of(caplog)
    assert "Traceback" in said and "in boom\n" in said and said.endswith("\nValueError")
    assert not [word for word in (SECRET, OWN, "sk-…", "said\n") if word in said]


@pytest.mark.parametrize("name", ["authorization", "api-key", "cookie", "proxy-authorization", "x-api-key"])
def test_who_asks_for_debug_is_told_its_words_without_keys(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "litellm_codex_agent"):
        ask(app(boom), "POST", "/", headers={name: OWN})
    assert "ValueError: sk-…1234 and sk-…5678 and what the user said" in caplog.text
    assert SECRET not in caplog.text and OWN not in caplog.text


def sent_by(inner: object) -> list[str]:
    sent: list[str] = []

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message["type"])

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(Fallback(inner)(scope, None, send))  # type: ignore[arg-type]  # nothing is received
    return sent


def test_a_reply_that_has_begun_is_cut_and_not_completed(caplog: pytest.LogCaptureFixture) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"half"
        raise ValueError("broken")

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        async for part in breaks():
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": part, "more_body": True})

    assert sent_by(inner) == ["http.response.start", "http.response.body"]
    assert caplog.text.count("\nValueError") == 1


def test_a_client_that_went_away_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientDisconnect

    assert (sent_by(inner), caplog.text) == ([], "")


def test_a_task_that_is_cancelled_stays_cancelled() -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        sent_by(inner)


def test_a_refusal_after_the_first_byte_is_a_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async def refuses_late(_: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"half"
            raise HttpError(409, "No.", "a_code")

        return StreamingResponse(parts())

    with pytest.raises(AssertionError):  # httpx's, of a response that does not end
        ask(app(refuses_late), "POST", "/")
    assert caplog.text.count("Traceback") >= 1
