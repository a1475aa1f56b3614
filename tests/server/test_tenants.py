"""Whose run it is: two tenants of one server never see, attach to, replay, cancel or watch each other's runs.

Two servers, since there are two ways to be a tenant: named by a caller that holds the server's key, as a proxy does,
and by a key of one's own where the server asks for none.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from litellm_codex_agent.runs.state import operator_key_of
from litellm_codex_agent.server.openapi import document

from ..backends.program import Program, running
from ..backends.scripts import Case, act, hang, say

KEY = "sk-key-of-the-server"
TENANT = "x-codex-agent-tenant"
CHAT = "/v1/chat/completions"
RUNS = "/agent/runs"
# What a reply says of itself, and not of what was asked.
OF_THE_REPLY = ("date",)


def bearer(key: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", **more}


def tenant_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:24]


CALLERS: Mapping[str, Mapping[str, dict[str, str]]] = {
    "keyed": {
        "own": bearer(KEY, **{TENANT: "alice"}),
        "other": bearer(KEY, **{TENANT: "bob"}),
        "wrong": bearer("sk-not-the-key"),
        "none": {},
        "claims": bearer("sk-not-the-key", **{TENANT: "alice"}),
        "claims without a key": {TENANT: "alice"},
        "unnamed": bearer(KEY),
    },
    "open": {
        "own": bearer("sk-key-of-alice"),
        "other": bearer("sk-key-of-bob"),
        "wrong": bearer("sk-not-the-key"),
        "none": {},
        "claims": bearer("sk-key-of-bob", **{TENANT: tenant_of("sk-key-of-alice")}),
        "claims without a key": {TENANT: tenant_of("sk-key-of-alice")},
        "unnamed": {},
    },
}
OTHERS = ("other", "wrong", "none", "claims", "claims without a key", "unnamed")


@dataclass(frozen=True)
class Server:
    """A server and who asks it."""

    kind: str
    program: Program
    client: httpx.Client
    callers: Mapping[str, dict[str, str]]

    def ask(self, who: str, method: str, path: str, headers: Any = None, **sent: Any) -> httpx.Response:
        return self.client.request(method, path, headers={**self.callers[who], **(headers or {})}, **sent)

    def begin(self, who: str, *steps: Any, **fields: Any) -> str:
        """A run that outlives its request."""
        body = {"model": "scripted", "messages": Case(list(steps)).messages, **fields}
        begun = self.ask(who, "POST", RUNS, json=body)
        assert begun.status_code == 202, begun.text
        return str(begun.json()["run_id"])

    def status(self, run_id: str) -> dict[str, Any]:
        told: dict[str, Any] = self.ask("own", "GET", f"{RUNS}/{run_id}").json()
        return told

    def chat(self, who: str, case: Case, key: str, **headers: str) -> httpx.Response:
        body = {"model": "scripted", "messages": case.messages}
        return self.ask(who, "POST", CHAT, json=body, headers={"idempotency-key": key, **headers})


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    with ExitStack() as stack:
        started = {}
        for kind, variables in (("keyed", {"CODEX_AGENT_SERVER_KEY": KEY}), ("open", {})):
            program = stack.enter_context(running(tmp_path_factory.mktemp(kind), **variables))
            operator = {"operator": bearer(operator_key_of(program.state))}
            client = stack.enter_context(program.client())
            started[kind] = Server(kind, program, client, {**CALLERS[kind], **operator})
        yield started


@pytest.fixture(params=["keyed", "open"])
def server(servers: dict[str, Server], request: pytest.FixtureRequest) -> Server:
    return servers[request.param]


# Of each route: what its owner gets, what another tenant gets, and what a caller without a key of the server's gets.
_RUN = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}
TABLE: Mapping[tuple[str, str], tuple[int, int, int]] = {
    ("POST", CHAT): (200, 200, 401),
    ("POST", "/chat/completions"): (200, 200, 401),
    ("GET", "/v1/models"): (200, 200, 401),
    ("GET", "/v1/models/{id}"): (200, 200, 401),
    ("POST", "/agent/run"): (200, 200, 401),
    ("POST", RUNS): (202, 202, 401),
    ("GET", f"{RUNS}/{{id}}"): (200, 404, 401),
    ("GET", f"{RUNS}/{{id}}/events"): (200, 404, 401),
    ("DELETE", f"{RUNS}/{{id}}"): (200, 404, 401),
    ("GET", "/ready"): (200, 200, 200),
    ("GET", "/health"): (200, 200, 200),
    ("GET", "/healthz"): (200, 200, 200),
    ("GET", "/metrics"): (200, 200, 401),
    ("GET", "/openapi.json"): (200, 200, 401),
}


def expected(server: Server, who: str, row: tuple[int, int, int]) -> int:
    own, other, outside = row
    if who in ("own", "operator"):
        return own
    # Where no key is asked for, any key and none is a tenant of its own.
    return other if server.kind == "open" or who in ("other", "unnamed") else outside


def test_the_table_has_every_route() -> None:
    routes = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    assert set(TABLE) == routes


@pytest.mark.parametrize("who", ["own", "operator", *OTHERS])
@pytest.mark.parametrize("route", TABLE, ids=" ".join)
def test_a_route_answers_whom_it_is_for(server: Server, who: str, route: tuple[str, str]) -> None:
    method, path = route
    name = "echo" if "models" in path else server.begin("own", act(), say("done")) if "{id}" in path else ""
    sent = {"json": _RUN} if method == "POST" else {}
    response = server.ask(who, method, path.format(id=name), **sent)
    assert response.status_code == expected(server, who, TABLE[route]), response.text
    if path == "/ready":
        trusted = server.kind == "open" or who in ("own", "operator", "other", "unnamed")
        assert (response.json().keys() > {"ok"}) == trusted


@pytest.mark.parametrize("who", OTHERS)
def test_nobody_else_cancels_a_run(server: Server, who: str) -> None:
    run_id = server.begin("own", say("a"), hang())
    assert server.ask(who, "DELETE", f"{RUNS}/{run_id}").status_code in (401, 404)
    assert server.status(run_id)["status"] == "running"
    assert server.ask("own", "DELETE", f"{RUNS}/{run_id}").json()["stopped_reason"] == "cancelled"


def test_the_operator_cancels_anybodys_run(server: Server) -> None:
    run_id = server.begin("own", hang())
    assert server.ask("operator", "DELETE", f"{RUNS}/{run_id}").json()["stopped_reason"] == "cancelled"
    assert server.status(run_id)["stopped_reason"] == "cancelled"


@pytest.mark.parametrize("method", ["GET", "DELETE", "events"])
@pytest.mark.parametrize("steps", [[say("done")], [hang()]], ids=["ended", "living"])
def test_a_404_does_not_tell_whether_there_is_such_a_run(server: Server, method: str, steps: list[Any]) -> None:
    run_id = server.begin("own", *steps)
    tail, method = ("/events", "GET") if method == "events" else ("", method)
    asked = [server.ask("other", method, f"{RUNS}/{name}{tail}") for name in (run_id, f"run_{uuid.uuid4().hex[:24]}")]
    told = [(one.status_code, one.content, _of_the_answer(one)) for one in asked]
    assert told[0] == told[1] and told[0][0] == 404
    server.ask("own", "DELETE", f"{RUNS}/{run_id}")


def _of_the_answer(response: httpx.Response) -> list[tuple[str, str]]:
    return [(name, value) for name, value in response.headers.multi_items() if name not in OF_THE_REPLY]


def test_a_key_that_lives_elsewhere_attaches_nobody(server: Server) -> None:
    case, key = Case([act(), say("first"), hang()], [say("second")]), uuid.uuid4().hex
    run = {"model": "scripted", "messages": case.messages}
    begun = server.ask("own", "POST", RUNS, json=run, headers={"idempotency-key": key})
    assert server.program.ledger.wait(case.name, "effect")
    told = server.ask("other", "POST", "/agent/run", json=run, headers={"idempotency-key": key}).json()
    assert (told["final_answer"], told["run_id"] != begun.json()["run_id"]) == ("second", True)
    assert server.program.ledger.count(case.name, "started") == 2
    assert server.ask("own", "DELETE", f"{RUNS}/{begun.json()['run_id']}").json()["stopped_reason"] == "cancelled"


@pytest.mark.parametrize("attempt", [{}, {"x-codex-agent-attempt": "1"}], ids=["first", "retry"])
def test_a_key_that_ended_elsewhere_replays_nothing(server: Server, attempt: dict[str, str]) -> None:
    case, key = Case([say("first")], [say("second")]), uuid.uuid4().hex
    answers = [server.chat(who, case, key, **attempt).json() for who in ("own", "other", "own", "other")]
    said = [answer["choices"][0]["message"]["content"] for answer in answers]
    assert said == ["first", "second", "first", "second"]
    assert server.program.ledger.count(case.name, "started") == 2


def test_a_key_of_another_tenant_is_no_conflict(server: Server) -> None:
    key = uuid.uuid4().hex
    first, second = (server.chat(who, Case([say("done")]), key) for who in ("own", "other"))
    assert (first.status_code, second.status_code) == (200, 200)
    assert server.chat("own", Case([say("done")]), key).status_code == 422


def test_a_session_of_the_same_name_is_another_tenants_own(server: Server) -> None:
    """What a backend continues, it finds by the tenant and the session that its task has."""
    session, cases = uuid.uuid4().hex, {}
    for who in ("own", "other"):
        cases[who] = Case([say("done")])
        body = {"model": "scripted", "messages": cases[who].messages, "session_id": session}
        assert server.ask(who, "POST", "/agent/run", json=body).status_code == 200
    tenants = [server.program.ledger.entries(case.name, "started")[0]["tenant"] for case in cases.values()]
    assert len(set(tenants)) == 2
    assert tenants[0] == {"keyed": "alice", "open": tenant_of("sk-key-of-alice")}[server.kind]


@pytest.mark.parametrize("who", ["claims", "claims without a key", "none"])
def test_a_tenant_that_is_claimed_without_the_servers_key_is_not_believed(server: Server, who: str) -> None:
    run_id = server.begin("own", say("done"))
    assert server.ask(who, "GET", f"{RUNS}/{run_id}").status_code == (401 if server.kind == "keyed" else 404)


@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/openapi.json", "/ready"])
def test_what_all_may_read_says_nothing_of_a_tenant(server: Server, path: str) -> None:
    session = f"session-{uuid.uuid4().hex}"
    run_id = server.begin("own", say("secret words"), session_id=session)
    told = server.ask("other", "GET", path).text
    for word in ("alice", tenant_of("sk-key-of-alice")[:8], session, run_id, "secret words"):
        assert word not in told
