"""Who is let in, and whose request it is: the Host first, then the Origin, then the key, then the tenant."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from litellm_codex_agent.server.guard import Caller, Guard, Rules, caller_of, who
from litellm_codex_agent.server.hosts import allowed_hosts

from .asking import ask, error_of

KEY, OPERATOR = "sk-of-the-server", "sk-of-the-operator"
PAGE = "https://app.example"
LOCKED = Rules(key=KEY, operator_key=OPERATOR)
OPEN = Rules()
PAGES = Rules(key=KEY, origins=(PAGE + "/",))


async def whose(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it knows of its caller, and with the path that it was asked for."""
    caller = caller_of(scope)
    body = {"caller": [caller.tenant, caller.operator, caller.trusted], "path": Request(scope).url.path}
    await JSONResponse(body)(scope, receive, send)


def told(rules: Rules, path: str = "/v1/models", method: str = "GET", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(Guard(whose, rules), method, path, headers=named)


def tenant_of(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:24]


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
    assert "POST" in response.headers["access-control-allow-methods"]
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


# The key


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer wrong"},
        {"authorization": KEY},
        {"authorization": f"Basic {KEY}"},
        {"authorization": f"Bearer {KEY}x"},
        {"authorization": f"Bearer {KEY} x"},
        {"x_api_key": KEY},
        {"cookie": f"key={KEY}"},
    ],
)
def test_without_the_key_it_is_a_401_that_says_how(headers: dict[str, str]) -> None:
    response = told(LOCKED, **headers)
    error = error_of(response)
    assert (response.status_code, error["code"], error["type"]) == (401, "invalid_api_key", "authentication_error")
    assert response.headers["www-authenticate"] == "Bearer"
    assert KEY not in response.text


@pytest.mark.parametrize(
    "query", [f"key={KEY}", f"api_key={KEY}", f"access_token={KEY}", f"authorization=Bearer {KEY}"]
)
def test_a_key_in_the_address_is_no_key(query: str) -> None:
    assert told(LOCKED, f"/v1/models?{query}").status_code == 401


def test_two_keys_are_none() -> None:
    two = [("authorization", f"Bearer {KEY}"), ("authorization", f"Bearer {KEY}")]
    assert ask(Guard(whose, LOCKED), "GET", "/", headers=two).status_code == 401


@pytest.mark.parametrize("value", [b"Bearer \xff\xfe", b"\xff", "Bearer schlüssel".encode()])
def test_bytes_that_are_no_text_are_a_wrong_key(value: bytes) -> None:
    assert ask(Guard(whose, LOCKED), "GET", "/", headers=[(b"authorization", value)]).status_code == 401


@pytest.mark.parametrize("key", ["schlüssel", "\udcff\udcfe"])
def test_a_key_may_be_any_bytes(key: str) -> None:
    sent = b"Bearer " + key.encode("utf-8", "surrogateescape")
    assert ask(Guard(whose, Rules(key=key)), "GET", "/", headers=[(b"authorization", sent)]).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_the_right_key_is_let_in(scheme: str) -> None:
    response = told(LOCKED, authorization=f"{scheme} {KEY}")
    assert (response.status_code, response.json()["caller"]) == (200, [tenant_of(KEY), False, True])


@pytest.mark.parametrize(("key", "trusted"), [("wrong", False), (KEY, True), (OPERATOR, True)])
def test_ready_answers_all_and_knows_whom_to_tell_more(key: str, trusted: bool) -> None:
    response = told(LOCKED, "/ready", authorization=f"Bearer {key}")
    assert (response.status_code, response.json()["caller"][2]) == (200, trusted)


@pytest.mark.parametrize("path", ["/ready/", "/READY", "/health/x", "//health", "/v1/../health"])
def test_no_other_path_is_as_open(path: str) -> None:
    assert raw_path_status(path) == 401


def raw_path_status(path: str) -> int:
    app = Guard(whose, LOCKED)

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": path}, receive, send)

    return ask(asked, "GET", "/").status_code


def test_keys_do_not_show_where_rules_are_printed() -> None:
    assert KEY not in repr(LOCKED) and OPERATOR not in repr(LOCKED)


def test_only_requests_are_guarded() -> None:
    import asyncio

    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    asyncio.run(Guard(app, LOCKED)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]  # neither is used
    assert seen == ["lifespan"]


# The tenant


@pytest.mark.parametrize(
    ("rules", "key", "claimed", "caller"),
    [
        (OPEN, "", [], Caller("", False, True)),
        (OPEN, "", ["t"], Caller("", False, True)),
        (OPEN, "sk-a", [], Caller(tenant_of("sk-a"), False, True)),
        (OPEN, "sk-a", ["t"], Caller(tenant_of("sk-a"), False, True)),
        (LOCKED, KEY, ["t"], Caller("t", False, True)),
        (LOCKED, KEY, [], Caller(tenant_of(KEY), False, True)),
        (LOCKED, "", ["t"], Caller("", False, False)),
        (LOCKED, "wrong", ["t"], Caller(tenant_of("wrong"), False, False)),
        (LOCKED, OPERATOR, [], Caller(tenant_of(OPERATOR), True, True)),
        (LOCKED, OPERATOR, ["t"], Caller("t", True, True)),
        (Rules(operator_key=OPERATOR), OPERATOR, [], Caller(tenant_of(OPERATOR), True, True)),
        (Rules(operator_key=OPERATOR), "sk-a", ["t"], Caller(tenant_of("sk-a"), False, True)),
    ],
)
def test_a_tenant_is_believed_only_from_one_who_holds_a_key_of_the_server(
    rules: Rules, key: str, claimed: list[str], caller: Caller
) -> None:
    assert who(rules, key, claimed) == caller


@pytest.mark.parametrize("claimed", ["", "é", "x" * 513])
def test_a_tenant_that_cannot_be_one_is_refused_by_its_header(claimed: str) -> None:
    headers = [(b"authorization", f"Bearer {KEY}".encode()), (b"x-codex-agent-tenant", claimed.encode())]
    response = ask(Guard(whose, LOCKED), "GET", "/", headers=headers)
    assert (response.status_code, error_of(response)["param"]) == (400, "x-codex-agent-tenant")


def test_two_tenants_are_refused_too() -> None:
    headers = [("authorization", f"Bearer {KEY}"), *[("x-codex-agent-tenant", "a")] * 2]
    assert ask(Guard(whose, LOCKED), "GET", "/", headers=headers).status_code == 400
