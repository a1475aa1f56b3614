"""LiteLLM's health check never starts an agent's run."""

from __future__ import annotations

import asyncio

import litellm
import pytest

from ..endpoint import Connection, Endpoint, Lane, reply
from .calls import MESSAGES, hello
from .routers import router

TAG = {"metadata": {"tags": ["litellm-internal-health-check"]}}


def lane_of(endpoint: Endpoint, ready: int, models: int = 200) -> Lane:
    def act(connection: Connection) -> None:
        status = ready if connection.asked.path.endswith("/ready") else models
        reply({"error": {"message": f"status {status}"}} if status >= 400 else {}, status=status)(connection)

    return endpoint.lane(act)


def check(lane: Lane) -> object:
    return asyncio.run(litellm.acompletion(model="codex-agent/mini", messages=[], api_base=lane.base, **TAG))


def asked(lane: Lane) -> list[str]:
    return [f"{one.method} {one.path.split('/', 2)[2]}" for one in lane.asked]


def test_the_endpoints_ready_route_is_asked_and_nothing_else(endpoint: Endpoint) -> None:
    lane = lane_of(endpoint, 200)
    check(lane)
    assert asked(lane) == ["GET ready"]


@pytest.mark.parametrize("status", [404, 405, 501])
def test_an_endpoint_without_that_route_is_asked_for_its_models(endpoint: Endpoint, status: int) -> None:
    lane = lane_of(endpoint, status)
    check(lane)
    assert asked(lane) == ["GET ready", "GET v1/models"]


def test_an_endpoint_that_is_not_ready_is_unhealthy(endpoint: Endpoint) -> None:
    lane = lane_of(endpoint, 503)
    with pytest.raises(litellm.ServiceUnavailableError, match="status 503"):
        check(lane)
    assert asked(lane) == ["GET ready"]


def test_an_endpoint_that_refuses_its_models_is_unhealthy(endpoint: Endpoint) -> None:
    with pytest.raises(litellm.AuthenticationError, match="status 401"):
        check(lane_of(endpoint, 404, 401))


def test_the_key_goes_along(endpoint: Endpoint) -> None:
    lane = lane_of(endpoint, 200)
    call = {"model": "codex-agent/mini", "messages": [], "api_base": lane.base, "api_key": "sk-test-key-1234"}
    asyncio.run(litellm.acompletion(**call, **TAG))
    assert lane.asked[0].headers["authorization"] == "Bearer sk-test-key-1234"


def test_a_clients_own_tag_makes_no_health_check(endpoint: Endpoint) -> None:
    lane = hello(endpoint)
    response = asyncio.run(router(lane.base).acompletion(model="agent", messages=MESSAGES, **TAG))
    assert response.choices[0].message.content == "Hello there"
