"""What a proxy's operator relies on: costs, health checks, and that a client who leaves takes its run along."""

from __future__ import annotations

import httpx
import pytest

from .models import COST, PRICED_COST
from .routes import CHAT, MESSAGES, ROUTES, Route
from .stand import Stand

pytestmark = pytest.mark.proxy

# A proxy notices a closed connection at once; a busy machine may need a moment.
LEFT_SECONDS = 10.0
# Long enough for a request to be on its way upstream, which the test asserts.
GIVE_UP_SECONDS = 1.5
_COSTS = [
    pytest.param("priced", PRICED_COST, id="the deployment's price first"),
    pytest.param("reported", COST, id="else the endpoint's cost"),
]
# LiteLLM 1.106 shows no reported cost in the head of a reply of /v1/messages; the one that it books is right.
_SHOWN = [
    pytest.param(route, *cost.values, id=f"{route.name}: {cost.id}")
    for route in ROUTES
    for cost in _COSTS
    if (route, cost.values[0]) != (MESSAGES, "reported")
]


@pytest.mark.parametrize(("route", "model", "cost"), _SHOWN)
def test_the_head_of_a_reply_shows_the_cost(stand: Stand, route: Route, model: str, cost: float) -> None:
    assert float(stand.ask(route, model).headers["x-litellm-response-cost"]) == pytest.approx(cost)


def test_a_reported_cost_is_shown_where_openai_shows_it(stand: Stand) -> None:
    ours, openais = (stand.ask(MESSAGES, name).headers for name in ("reported", "openai-reported"))
    assert ours.get("x-litellm-response-cost") == openais.get("x-litellm-response-cost")


@pytest.mark.parametrize(("model", "cost"), _COSTS)
def test_the_cost_is_booked(stands: dict[str, Stand], route: Route, streamed: bool, model: str, cost: float) -> None:
    stand = stands["hook"]
    stand.forget_booked()
    stand.ask(route, model, streamed=streamed)
    assert stand.booked(model) == pytest.approx(cost)


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        pytest.param("ready", [("GET", "/ready")], id="ours"),
        pytest.param("foreign", [("GET", "/ready"), ("GET", "/v1/models")], id="one without /ready"),
    ],
)
def test_a_health_check_starts_no_run(stand: Stand, model: str, asked: list[tuple[str, str]]) -> None:
    lane = stand.lane(model)
    with stand.proxy.client() as client:
        health = client.get("/health", params={"model": model}).json()
    # A lane's path is /laneN/..., and its own part is what follows.
    assert [(one.method, one.path[one.path.index("/", 1) :]) for one in lane.asked] == asked
    assert (health["healthy_count"], health["unhealthy_count"]) == (1, 0)


def test_a_health_check_tells_that_the_endpoint_refuses(stand: Stand) -> None:
    lane = stand.lane("refuses-401")
    with stand.proxy.client() as client:
        health = client.get("/health", params={"model": "refuses-401"}).json()
    assert "scripted refusal 401" in health["unhealthy_endpoints"][0]["error"]
    assert [asked.method for asked in lane.asked] == ["GET"]


def test_a_clients_own_tag_makes_no_health_check(stand: Stand) -> None:
    lane = stand.lane("text")
    stand.ask(CHAT, "text", tags=["litellm-internal-health-check"])
    assert [asked.method for asked in lane.asked] == ["POST"]


def test_a_client_that_leaves_a_stream_closes_it_upstream(stand: Stand, route: Route) -> None:
    lane = stand.lane("hanging")
    with stand.asking(route, "hanging", streamed=True) as response:
        assert any(b"Hello" in part for part in response.iter_raw())
    assert lane.left.wait(LEFT_SECONDS)


def test_a_client_that_leaves_a_whole_call_closes_it_upstream(stand: Stand, route: Route) -> None:
    lane = stand.lane("hanging")
    with (
        pytest.raises(httpx.ReadTimeout),
        stand.asking(route, "hanging", streamed=False, seconds=GIVE_UP_SECONDS),
    ):
        raise AssertionError("the endpoint hangs, and nothing can have come")
    assert len(lane.asked) == 1
    assert lane.left.wait(LEFT_SECONDS)
