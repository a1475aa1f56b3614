"""A body is JSON by its type, whole in time and within its limit, or the request is refused with what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.requests import Request

from litellm_codex_agent.server.body import MAX_BODY_BYTES, read_body
from litellm_codex_agent.server.errors import HttpError

JSON = [(b"content-type", b"application/json")]


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


GONE = {"type": "http.disconnect"}


def request_of(messages: list[dict[str, Any]], headers: list[tuple[bytes, bytes]]) -> Request:
    """A request whose parts come in this order; then nothing more, ever."""
    left = iter(messages)

    async def receive() -> Any:
        for message in left:
            return message
        return await asyncio.Event().wait()

    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


def read(*messages: dict[str, Any], headers: Any = JSON, **limits: Any) -> bytes:
    return asyncio.run(read_body(request_of(list(messages), headers), **limits))


def refused(*messages: dict[str, Any], headers: Any = JSON, **limits: Any) -> HttpError:
    with pytest.raises(HttpError) as error:
        read(*messages, headers=headers, **limits)
    return error.value


def test_a_body_is_put_together_from_its_parts() -> None:
    assert read(part(b'{"a"'), part(b""), part(b":1}"), part(b"", more=False)) == b'{"a":1}'


def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert len(read(part(b"x" * MAX_BODY_BYTES, more=False))) == MAX_BODY_BYTES == 4_194_304


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", " application/json ;x"])
def test_json_is_json_however_it_is_written(kind: str) -> None:
    assert read(part(b"{}", more=False), headers=[(b"content-type", kind.encode())]) == b"{}"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"")],
        [(b"content-type", b"text/plain")],
        [(b"content-type", b"application/jsonp")],
        [(b"content-type", b"application/x-www-form-urlencoded")],
        [(b"content-type", b"multipart/form-data; boundary=application/json")],
        [*JSON, (b"content-type", b"text/plain")],
        [*JSON, (b"content-encoding", b"gzip")],
    ],
)
def test_what_is_not_json_is_a_415_before_it_is_read(headers: Any) -> None:
    error = refused(headers=headers)
    assert (error.status, error.code) == (415, "unsupported_media_type")


def test_a_body_that_is_not_changed_on_its_way_may_say_so() -> None:
    assert read(part(b"{}", more=False), headers=[*JSON, (b"content-encoding", b"identity")]) == b"{}"


@pytest.mark.parametrize("length", [b"5", b"99999999999999999999"])
def test_a_body_that_announces_too_much_is_a_413_before_it_is_read(length: bytes) -> None:
    error = refused(headers=[*JSON, (b"content-length", length)], limit=4)
    assert (error.status, error.code) == (413, "request_too_large")


@pytest.mark.parametrize("headers", [JSON, [*JSON, (b"content-length", b"4")], [*JSON, (b"content-length", b"no")]])
def test_a_body_that_becomes_too_much_is_a_413_at_once(headers: Any) -> None:
    error = refused(part(b"123"), part(b"45"), headers=headers, limit=4)
    assert (error.status, "4 bytes" in error.message) == (413, True)


def steady(seconds: float) -> Callable[[], AsyncIterator[bytes]]:
    async def bytes_forever() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(seconds)

    return bytes_forever


@pytest.mark.parametrize("sent", [[], [part(b"{")]])
def test_a_body_that_does_not_end_is_a_408_that_closes(sent: list[dict[str, Any]]) -> None:
    error = refused(*sent, seconds=0.05)
    assert (error.status, error.code) == (408, "request_timeout")
    assert (error.headers["connection"], "0.05 seconds" in error.message) == ("close", True)


def test_a_slow_but_steady_body_has_no_longer() -> None:
    parts = steady(0.01)()

    async def receive() -> Any:
        return part(await parts.__anext__())

    request = Request({"type": "http", "method": "POST", "path": "/", "headers": JSON}, receive)
    with pytest.raises(HttpError) as error:
        asyncio.run(read_body(request, seconds=0.1))
    assert error.value.status == 408


def test_a_client_that_leaves_is_noted_as_gone() -> None:
    error = refused(part(b"{"), GONE)
    assert (error.status, error.code) == (499, "client_disconnected")
