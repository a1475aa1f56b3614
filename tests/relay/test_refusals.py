"""What the relay refuses, in OpenAI's shape, before anything goes to the model."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from litellm_codex_agent.relay.meter import Limits, Meter

from ..endpoint import Endpoint, hang
from .stage import Stage, asked, hello, play, until, warnings


def test_a_seat_without_a_token_or_with_an_unknown_one_is_refused(endpoint: Endpoint) -> None:
    lane = endpoint.lane(hello())

    async def scene(on: Stage) -> None:
        for headers in (
            {"authorization": ""},
            {"authorization": "Bearer x"},
            {"authorization": f"Basic {on.seat.token}"},
        ):
            said = await on.ask(headers=headers)
            assert (said.status_code, said.json()["error"]["code"]) == (401, "invalid_api_key")
        on.seat.close()
        assert (await on.ask()).status_code == 401

    play(lane, scene)
    assert not lane.asked


def test_nothing_is_asked_outside_a_run(endpoint: Endpoint) -> None:
    lane = endpoint.lane(hello())

    async def scene(on: Stage) -> None:
        on.seat.meter = None
        said = await on.ask()
        assert (said.status_code, said.json()["error"]["code"]) == (403, "no_run")

    play(lane, scene)
    assert not lane.asked


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/responses"),
        ("POST", "/v1/embeddings"),
        ("POST", "/responses"),
        ("POST", "/v1/models"),
        ("GET", "/"),
    ],
)
def test_other_routes_are_not_found(endpoint: Endpoint, method: str, path: str) -> None:
    lane = endpoint.lane(hello())

    async def scene(on: Stage) -> None:
        said = await on.agent.request(method, path)
        assert (said.status_code, said.json()["error"]["code"]) == (404, "unknown_url")

    play(lane, scene)
    assert not lane.asked


def test_a_websocket_is_refused_so_that_the_agent_goes_on_without(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(on: Stage) -> None:
        upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
        said = await on.agent.get("/v1/responses", headers=upgrade)
        assert (said.status_code, said.json()["error"]["code"]) == (426, "upgrade_required")

    play(endpoint.lane(hello()), scene)
    assert warnings(caplog) == []


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_beyond_the_bound_is_refused_and_noted(endpoint: Endpoint, announced: bool) -> None:
    lane = endpoint.lane(hello())
    size = 32 * 1024 * 1024 + 1

    async def pieces() -> Any:
        for _ in range(33):
            yield b" " * 1024 * 1024

    said, meter = asked(lane, content=b" " * size if announced else pieces(), json=None)
    assert (said.status_code, said.json()["error"]["code"]) == (413, "request_too_large")
    assert meter.failure is not None and meter.failure.status == 413 and not lane.asked


def test_a_spent_meter_refuses_by_the_limits_name(endpoint: Endpoint) -> None:
    lane = endpoint.lane(hello())

    async def scene(on: Stage) -> None:
        assert (await on.ask()).status_code == 200
        said = await on.ask()
        assert (said.status_code, said.json()["error"]["code"]) == (400, "budget")
        assert "max_tokens" in said.json()["error"]["message"]
        assert (on.meter.refused, on.meter.requests, on.meter.failure) == ("max_tokens", 1, None)

    play(lane, scene, meter=Meter(Limits(tokens=1050)))
    assert len(lane.asked) == 1


def test_more_requests_at_once_than_a_seat_may_have_are_refused(endpoint: Endpoint) -> None:
    lane = endpoint.lane(hang(20))

    async def scene(on: Stage) -> None:
        asking = [asyncio.ensure_future(on.ask()) for _ in range(16)]
        await until(lambda: len(lane.asked) == 16)
        said = await on.ask()
        assert (said.status_code, said.json()["error"]["code"]) == (429, "too_many_requests")
        on.seat.close()
        assert {(await one).status_code for one in asking} == {403}

    play(lane, scene)


def test_a_query_beyond_the_bound_is_refused(endpoint: Endpoint) -> None:
    lane = endpoint.lane(hello())
    said, _ = asked(lane, "/v1/responses?" + "a" * 9_000)
    assert (said.status_code, said.json()["error"]["code"], lane.asked) == (414, "uri_too_long", [])
