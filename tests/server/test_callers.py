"""Who holds the key, and whose request it is: no other way in, and no tenant that is only claimed."""

from __future__ import annotations

from hashlib import sha256

import pytest
from starlette.types import Receive, Scope, Send

from litellm_codex_agent.server.guard import Caller, Guard, Rules, who

from .asking import KEY, LOCKED, OPEN, OPERATOR, ask, error_of, told, whose


def tenant_of(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:24]


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


def test_a_tenant_has_at_most_512_characters() -> None:
    assert who(LOCKED, KEY, ["a" * 512]) == Caller("a" * 512, trusted=True)
    response = told(LOCKED, authorization=f"Bearer {KEY}", x_codex_agent_tenant="a" * 513)
    assert (response.status_code, error_of(response)["code"]) == (400, "invalid_tenant")


def test_without_rules_there_is_no_key_at_all() -> None:
    assert (Rules().key, Rules().operator_key) == ("", "")
    assert who(Rules(), "", []) == Caller(trusted=True)
