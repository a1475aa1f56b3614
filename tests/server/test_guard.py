"""Who may ask at all: requests that name a host of ours, and pages that are ours or listed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from litellm_codex_agent.server.guard import Guard, Rules
from litellm_codex_agent.server.hosts import allowed_hosts

from .asking import KEY, LOCKED, OPEN, ask, error_of, told, whose

PAGE = "https://app.example"
PAGES = Rules(key=KEY, origins=(PAGE + "/",))


# The Host


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[::2]", "", "a@127.0.0.1"])
def test_another_host_is_a_421_whatever_the_key(host: str) -> None:
    response = told(LOCKED, host=host, authorization=f"Bearer {KEY}")
    assert (response.status_code, error_of(response)["code"]) == (421, "foreign_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1.", "[::1]:1", "[0::1]"])
def test_a_name_of_ours_is_answered_however_it_is_spelled(host: str) -> None:
    assert told(OPEN, host=host).status_code == 200


def test_a_listed_host_is_answered_and_only_it() -> None:
    rules = Rules(hosts=allowed_hosts(("agents.example",), "0.0.0.0"))
    assert told(rules, host="agents.example:80").status_code == 200
    assert told(rules, host="localhost").status_code == 421


@pytest.mark.parametrize("path", ["/health", "/healthz"])
def test_the_health_routes_ask_nothing_of_anyone(path: str) -> None:
    response = told(LOCKED, path, host="evil.example", origin="https://evil.example")
    assert (response.status_code, response.json()["caller"]) == (200, ["", False, False])


def raw_request(path: str, headers: list[tuple[bytes, bytes]]) -> list[Any]:
    """What is sent in answer to a scope that no client of ours would write."""
    import asyncio

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": b"",
            "query_string": b"",
            "headers": headers,
        }
        await Guard(whose, OPEN)(scope, None, send)  # type: ignore[arg-type]  # nothing is received

    asyncio.run(run())
    return sent


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", [(b"host", b"localhost")], 200),
        ("/", [], 421),
        ("/", [(b"host", b"localhost"), (b"host", b"localhost")], 421),
        ("/", [(b"host", b"localhost"), (b"Host", b"evil.example")], 421),
        ("/", [(b"host", b"\xff\xfe")], 421),
        ("http://evil.example/", [(b"host", b"localhost")], 421),
        ("HTTP://localhost/x", [(b"host", b"evil.example")], 200),
        ("https://[::1]:1", [], 200),
        ("http:///x", [(b"host", b"localhost")], 421),
    ],
)
def test_the_host_is_the_targets_or_else_the_only_one(path: str, headers: Any, status: int) -> None:
    assert raw_request(path, headers)[0]["status"] == status


@pytest.mark.parametrize(
    ("target", "path"), [("http://localhost/a/b", "/a/b"), ("http://localhost", "/"), ("http://localhost/é", "/é")]
)
def test_a_target_that_is_a_whole_address_is_routed_by_its_path(target: str, path: str) -> None:
    body = httpx.Response(200, content=raw_request(target, [])[1]["body"]).json()
    assert httpx.URL(body["path"]).path == path


def test_what_is_inside_sees_only_the_path_of_a_whole_address() -> None:
    import asyncio

    seen: dict[str, Any] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope)

    scope = {"type": "http", "method": "GET", "path": "http://localhost/a/é", "raw_path": b"", "headers": []}
    asyncio.run(Guard(app, OPEN)(scope, None, None))  # type: ignore[arg-type]  # neither is used
    assert (seen["path"], seen["raw_path"]) == ("/a/é", "/a/é".encode())


# The Origin


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "", "https://app.example.evil"]
)
def test_another_page_is_a_403_whatever_the_key(origin: str) -> None:
    response = told(PAGES, origin=origin, authorization=f"Bearer {KEY}")
    assert (response.status_code, error_of(response)["code"]) == (403, "foreign_origin")
    assert "access-control-allow-origin" not in response.headers


def test_a_page_of_ours_is_let_in_and_needs_no_words_for_it() -> None:
    response = told(OPEN, origin="http://127.0.0.1:8788")
    assert (response.status_code, "access-control-allow-origin" in response.headers) == (200, False)


@pytest.mark.parametrize(("key", "status"), [(KEY, 200), ("wrong", 401)])
def test_a_listed_page_can_read_the_answer_and_the_refusal(key: str, status: int) -> None:
    response = told(PAGES, origin=PAGE, authorization=f"Bearer {key}")
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (status, PAGE)
    assert response.headers["vary"] == "origin"
    assert "x-codex-agent-run-id" in response.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", ["https://any.example", "null"])
def test_any_origin_is_any(origin: str) -> None:
    response = told(Rules(origins=("*",)), origin=origin)
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, origin)


def test_two_origins_are_none() -> None:
    app = Guard(whose, PAGES)
    assert ask(app, "GET", "/", headers=[("origin", PAGE), ("origin", PAGE)]).status_code == 403


PREFLIGHT = {"access_control_request_method": "POST", "access_control_request_headers": "authorization,x-stainless-os"}


def test_a_listed_page_may_ask_whether_it_may_ask_without_a_key() -> None:
    response = told(PAGES, method="OPTIONS", origin=PAGE, **PREFLIGHT)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-headers"] == "authorization,x-stainless-os"
    assert response.headers["access-control-allow-methods"] == "DELETE, GET, POST"
    assert response.headers["access-control-max-age"] == "600"
    assert response.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example", **PREFLIGHT}, 403),
        ({"origin": "http://127.0.0.1:8788", **PREFLIGHT}, 401),
        ({"origin": PAGE}, 401),
        (PREFLIGHT, 401),
        ({"host": "evil.example", "origin": PAGE, **PREFLIGHT}, 421),
    ],
)
def test_nobody_else_is_told_that_it_may(headers: dict[str, str], status: int) -> None:
    response = told(PAGES, method="OPTIONS", **headers)
    assert response.status_code == status
    assert "access-control-allow-methods" not in response.headers


def test_a_preflight_for_plain_headers_lists_none() -> None:
    response = told(PAGES, method="OPTIONS", origin=PAGE, access_control_request_method="GET")
    assert (response.status_code, "access-control-allow-headers" in response.headers) == (204, False)


def test_only_requests_are_guarded() -> None:
    import asyncio

    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    asyncio.run(Guard(app, LOCKED)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]  # neither is used
    assert seen == ["lifespan"]
