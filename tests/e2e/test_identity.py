"""One request is one run, through a real proxy: what tells an endpoint which request, which attempt, and whose."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.provider.identity import ATTEMPT, IDEMPOTENCY_KEY, RETRIES_LEFT, SESSION, TENANT, TRACE

from ..endpoint import Asked
from .models import RETRIES
from .routes import CHAT, MESSAGES, RESPONSES, Route
from .stand import Stand

pytestmark = pytest.mark.proxy

_SESSIONS = [
    # Whatever a client can name its session by; the two headers become the trace id as well.
    pytest.param({"headers": {"x-litellm-session-id": "mine"}}, id="session header"),
    pytest.param({"headers": {"x-litellm-trace-id": "mine"}}, id="trace header"),
    pytest.param({"litellm_session_id": "mine"}, id="session in the body"),
    pytest.param({"metadata": {"session_id": "mine"}}, id="session in the metadata"),
]
_FORGED = {"user_api_key_hash": "another's", "user_api_key": "another's", "user_api_key_end_user_id": "another"}
_FORGERIES = [
    pytest.param({"metadata": _FORGED}, id="metadata"),
    pytest.param({"litellm_metadata": _FORGED}, id="litellm_metadata"),
    pytest.param({"headers": {TENANT: "another's"}}, id="header"),
    pytest.param({"extra_headers": {TENANT: "another's"}}, id="extra_headers"),
]


def _attempts(stand: Stand, route: Route, model: str = "flaky", **asked: Any) -> list[dict[str, str]]:
    lane = stand.lane(model)
    assert stand.ask(route, model, **asked).status == 200
    return [attempt.headers for attempt in lane.asked]


def _asked_twice(stand: Stand, route: Route, **asked: Any) -> list[Asked]:
    lane = stand.lane("text")
    for _ in range(2):
        assert stand.ask(route, "text", **asked).status == 200
    return lane.asked


def test_two_attempts_at_one_request_carry_one_key(stand: Stand, route: Route, streamed: bool) -> None:
    first, second = _attempts(stand, route, streamed=streamed)
    assert first[IDEMPOTENCY_KEY] == second[IDEMPOTENCY_KEY]


def test_each_attempt_says_which_it_is(stand: Stand, route: Route, streamed: bool) -> None:
    assert [attempt[ATTEMPT] for attempt in _attempts(stand, route, streamed=streamed)] == ["0", "1"]


def test_each_attempt_says_how_many_may_follow(stand: Stand, route: Route, streamed: bool) -> None:
    left = [int(attempt[RETRIES_LEFT]) for attempt in _attempts(stand, route, streamed=streamed)]
    assert left == [RETRIES, RETRIES - 1]


def test_retries_that_the_client_asked_for_are_counted(stand: Stand, route: Route, streamed: bool) -> None:
    lane = stand.lane("failing")
    stand.ask(route, "failing", streamed=streamed, headers={"x-litellm-num-retries": "1"})
    assert [(asked.headers[ATTEMPT], asked.headers[RETRIES_LEFT]) for asked in lane.asked] == [("0", "1"), ("1", "0")]


@pytest.mark.parametrize("session", _SESSIONS)
def test_two_equal_questions_of_one_session_are_two_requests(
    stand: Stand, route: Route, streamed: bool, session: dict[str, Any]
) -> None:
    first, second = _asked_twice(stand, route, streamed=streamed, **session)
    assert first.headers[SESSION] == second.headers[SESSION] == "mine"
    assert first.headers[IDEMPOTENCY_KEY] != second.headers[IDEMPOTENCY_KEY]


def test_attempts_in_a_session_carry_one_key(stand: Stand, route: Route, streamed: bool) -> None:
    first, second = _attempts(stand, route, streamed=streamed, headers={"x-litellm-session-id": "mine"})
    assert first[TRACE] == "mine"
    assert first[IDEMPOTENCY_KEY] == second[IDEMPOTENCY_KEY]


def test_the_callers_own_key_is_kept(stand: Stand, route: Route, streamed: bool) -> None:
    attempts = _attempts(stand, route, streamed=streamed, extra_headers={"Idempotency-Key": "mine"})
    assert [attempt[IDEMPOTENCY_KEY] for attempt in attempts] == ["mine", "mine"]


def test_a_request_names_its_tenant_and_not_the_key(stand: Stand, route: Route, streamed: bool) -> None:
    (attempt,) = _attempts(stand, route, "text", streamed=streamed)
    assert attempt[TENANT]
    assert "master" not in str(attempt)


@pytest.mark.parametrize(
    ("route", "alice", "bob"),
    [
        pytest.param(CHAT, {"user": "alice"}, {"user": "bob"}, id="chat"),
        pytest.param(RESPONSES, {"user": "alice"}, {"user": "bob"}, id="responses"),
        pytest.param(MESSAGES, {"metadata": {"user_id": "alice"}}, {"metadata": {"user_id": "bob"}}, id="messages"),
    ],
)
def test_two_end_users_are_two_tenants(stand: Stand, route: Route, alice: Any, bob: Any) -> None:
    tenants = [_attempts(stand, route, "text", **user)[0][TENANT] for user in (alice, bob, alice)]
    assert tenants[0] == tenants[2] != tenants[1]


@pytest.mark.parametrize("forged", _FORGERIES)
def test_a_client_cannot_name_another_tenant(stand: Stand, route: Route, forged: dict[str, Any]) -> None:
    lane = stand.lane("text")
    stand.ask(route, "text")
    stand.ask(route, "text", **forged)
    assert lane.asked[0].headers[TENANT] == lane.asked[1].headers[TENANT]
