"""Between an agent and its model, over real sockets: what passes, what does not, and what is noted."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from litellm_codex_agent.backends.events import Failure, Usage
from litellm_codex_agent.relay.meter import Limits, Meter
from litellm_codex_agent.relay.relay import Relay
from litellm_codex_agent.relay.upstream import Upstream

from ..endpoint import Endpoint, hang, reply, reset, stream, stream_then
from ..responses_endpoint import USAGE, conversations, say, think, turn, wait_for
from .stage import ASKED, KEY, Stage, asked, play, stage, until

USED = Usage(1000, 50, None, 100, 20)
WHOLE = {"object": "response", "status": "completed", "output": [], "usage": USAGE}


def hello() -> Any:
    return conversations({"main": [turn(think("Hm."), say("Hello there."))]})


def test_a_stream_comes_back_byte_for_byte_and_its_usage_is_noted(endpoint: Endpoint) -> None:
    events = (
        b": life\n\nevent: response.completed\r\ndata: "
        + json.dumps({"type": "response.completed", "response": WHOLE}).encode()
    )
    said, meter = asked(endpoint.lane(stream(events[:30], events[30:], b"\r\n\r\n")))
    assert (said.status_code, said.content) == (200, events + b"\r\n\r\n")
    assert (meter.usage, meter.requests, meter.failure, meter.cost) == (USED, 1, None, None)


def test_a_whole_reply_comes_back_with_its_length_and_is_noted(endpoint: Endpoint) -> None:
    said, meter = asked(endpoint.lane(reply(WHOLE, headers={"x-litellm-response-cost": "0.25"})))
    assert said.json() == WHOLE and said.headers["content-length"] == str(len(said.content))
    assert meter.usage == Usage(1000, 50, 0.25, 100, 20)


def test_path_query_and_body_go_up_as_they_are(endpoint: Endpoint) -> None:
    lane = endpoint.lane(reply(WHOLE))
    asked(lane, "/v1/responses?a=%2F&b=", content=b'{ "model":"m" }', json=None)
    (seen,) = lane.asked
    assert (seen.method, seen.path.partition("/v1")[2]) == ("POST", "/responses?a=%2F&b=")
    assert seen.body == b'{ "model":"m" }'


def test_words_come_through_while_the_stream_is_open(endpoint: Endpoint) -> None:
    gate = threading.Event()
    lane = endpoint.lane(conversations({"main": [turn(say("One."), wait_for(gate), say("Two."))]}))

    async def scene(on: Stage) -> None:
        async with on.agent.stream("POST", "/v1/responses", json=ASKED) as answer:
            pieces = answer.aiter_bytes()
            read = b""
            while b"One." not in read:
                read += await pieces.__anext__()
            gate.set()
            read += b"".join([piece async for piece in pieces])
        assert b"Two." in read

    play(lane, scene)


def test_usage_is_noted_before_the_agent_can_read_the_event_that_told_it(endpoint: Endpoint) -> None:
    done = b"data: " + json.dumps({"type": "response.completed", "response": WHOLE}).encode() + b"\n\n"
    gate = threading.Event()
    lane = endpoint.lane(stream_then(lambda _: gate.wait(20), done))

    async def scene(on: Stage) -> None:
        async with on.agent.stream("POST", "/v1/responses", json=ASKED) as answer:
            assert await answer.aiter_bytes().__anext__() == done
            assert on.meter.usage == USED
            gate.set()

    play(lane, scene)


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


def test_a_token_may_come_as_anthropics_clients_send_it(endpoint: Endpoint) -> None:
    async def scene(on: Stage) -> None:
        assert (await on.ask(headers={"authorization": "", "x-api-key": on.seat.token})).status_code == 200

    play(endpoint.lane(hello()), scene)


def test_nothing_is_asked_outside_a_run(endpoint: Endpoint) -> None:
    lane = endpoint.lane(hello())

    async def scene(on: Stage) -> None:
        on.seat.meter = None
        said = await on.ask()
        assert (said.status_code, said.json()["error"]["code"]) == (403, "no_run")

    play(lane, scene)
    assert not lane.asked


def test_two_seats_have_their_own_upstreams_and_meters(endpoint: Endpoint) -> None:
    other = endpoint.lane(reply(WHOLE))

    async def scene(on: Stage) -> None:
        seat = on.relay.seat(Upstream(other.base, "sk-other-key-0123"))
        seat.meter = Meter()
        assert seat.token != on.seat.token
        await on.ask(headers={"authorization": f"Bearer {seat.token}"})
        assert (seat.meter.requests, on.meter.requests) == (1, 0)

    play(endpoint.lane(hello()), scene)
    assert other.asked[0].headers["authorization"] == "Bearer sk-other-key-0123"


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


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/messages/count_tokens")])
def test_what_is_no_call_of_a_model_passes_and_is_not_counted(endpoint: Endpoint, method: str, path: str) -> None:
    lane = endpoint.lane(reply({"error": {"message": "no"}, "usage": USAGE}, status=404))

    async def scene(on: Stage) -> None:
        assert (await on.agent.request(method, path)).status_code == 404
        assert (on.meter.requests, on.meter.failure, on.meter.usage) == (0, None, Usage())

    play(lane, scene, meter=Meter(Limits(requests=0)))
    assert len(lane.asked) == 1


def test_a_websocket_is_refused_so_that_the_agent_goes_on_without(endpoint: Endpoint) -> None:
    async def scene(on: Stage) -> None:
        upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
        said = await on.agent.get("/v1/responses", headers=upgrade)
        assert (said.status_code, said.json()["error"]["code"]) == (426, "upgrade_required")

    play(endpoint.lane(hello()), scene)


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_beyond_the_bound_is_refused_and_noted(endpoint: Endpoint, announced: bool) -> None:
    lane = endpoint.lane(hello())
    size = 32 * 1024 * 1024 + 1

    async def pieces() -> Any:
        for _ in range(size // 1024 + 1):
            yield b" " * 1024

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


def test_an_error_passes_with_its_wait_and_is_the_runs_failure(endpoint: Endpoint) -> None:
    body = {"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}
    said, meter = asked(endpoint.lane(reply(body, status=429, headers={"retry-after": "17"})))
    assert (said.status_code, said.json(), said.headers["retry-after"]) == (429, body, "17")
    assert meter.failure == Failure(429, "Slow down.", "rate_limit_exceeded", 17.0)


def test_a_wait_that_only_a_proxy_passes_on_is_the_agents_too(endpoint: Endpoint) -> None:
    said, meter = asked(endpoint.lane(reply({}, status=429, headers={"llm_provider-retry-after": "17"})))
    assert said.headers["retry-after"] == "17" and meter.failure is not None and meter.failure.retry_after == 17.0


def test_a_later_success_takes_a_failure_back(endpoint: Endpoint) -> None:
    async def scene(on: Stage) -> None:
        assert (await on.ask()).status_code == 500 and on.meter.failure is not None
        assert (await on.ask()).status_code == 200 and on.meter.failure is None

    play(endpoint.lane(reply({}, status=500), hello()), scene)


def test_an_error_inside_a_stream_is_a_failure(endpoint: Endpoint) -> None:
    failing = turn(failed=("context_length_exceeded", "Too long."))
    said, meter = asked(endpoint.lane(conversations({"main": [failing]})))
    assert said.status_code == 200 and meter.failure == Failure(400, "Too long.", "context_length_exceeded")


def test_the_key_never_comes_back(endpoint: Endpoint) -> None:
    body = {"error": {"message": f"Wrong key {KEY}."}}
    said, meter = asked(endpoint.lane(reply(body, status=401, headers={"x-seen": f"Bearer {KEY}"})))
    assert KEY not in said.text + str(said.headers) + str(meter.failure)
    assert said.json()["error"]["message"].startswith("Wrong key sk-") and len(said.content) == len(json.dumps(body))


@pytest.mark.parametrize("place", range(1, len(KEY)))
def test_the_key_never_comes_back_in_two_pieces(endpoint: Endpoint, place: int) -> None:
    parts = (f"data: {KEY[:place]}".encode(), f"{KEY[place:]}\n\n".encode())
    said, _ = asked(endpoint.lane(stream(*parts)))
    assert KEY not in said.text and said.text.startswith("data: sk-***") and said.text.endswith("cdef\n\n")


def test_a_redirect_is_not_followed_and_not_passed_on(endpoint: Endpoint) -> None:
    away = endpoint.lane(hello())
    said, meter = asked(endpoint.lane(reply({}, status=307, headers={"location": f"{away.base}/responses"})))
    assert (said.status_code, said.json()["error"]["code"], "location" in said.headers) == (502, "redirect", False)
    assert not away.asked and meter.failure is not None and meter.failure.status == 502


def test_an_upstream_that_is_not_there_is_told_and_noted() -> None:
    async def scene() -> None:
        async with Relay() as relay, httpx.AsyncClient(base_url=relay.address) as agent:
            seat = relay.seat(Upstream("http://127.0.0.1:9/v1", KEY))
            seat.meter = Meter()
            said = await agent.post("/v1/responses", headers={"x-api-key": seat.token}, json=ASKED)
            assert (said.status_code, said.json()["error"]["code"]) == (502, "unreachable")
            assert seat.meter.failure == Failure(502, said.json()["error"]["message"], "unreachable")

    asyncio.run(scene())


def test_an_upstream_that_breaks_before_its_head_is_told(endpoint: Endpoint) -> None:
    said, meter = asked(endpoint.lane(reset))
    assert (said.status_code, said.json()["error"]["code"]) == (502, "cut")
    assert meter.failure is not None and meter.failure.code == "cut"


def test_silence_before_the_head_is_a_504(endpoint: Endpoint) -> None:
    async def scene(on: Stage) -> None:
        said = await on.ask()
        assert (said.status_code, said.json()["error"]["code"]) == (504, "silent")
        assert on.meter.failure is not None and on.meter.failure.status == 504

    lane = endpoint.lane(hang())
    play(lane, scene, silence=0.1)
    assert lane.left.wait(5)


@pytest.mark.parametrize(
    ("act", "status"), [(stream_then(hang(), b"data: {}\n\n"), 504), (stream(b"data: {}\n\n", end=False), 502)]
)
def test_a_stream_that_is_silent_or_cut_is_cut_for_the_agent(endpoint: Endpoint, act: Any, status: int) -> None:
    async def scene(on: Stage) -> None:
        read = b""
        with pytest.raises(httpx.RemoteProtocolError):
            async with on.agent.stream("POST", "/v1/responses", json=ASKED) as answer:
                async for piece in answer.aiter_bytes():
                    read += piece
        assert read == b"data: {}\n\n"
        assert on.meter.failure is not None and on.meter.failure.status == status

    play(endpoint.lane(act), scene, silence=0.3)


def test_a_stream_that_ends_before_the_answer_does_is_a_failure(endpoint: Endpoint) -> None:
    said, meter = asked(endpoint.lane(stream(b'data: {"type": "response.created"}\n\n')))
    assert said.status_code == 200 and meter.failure is not None and meter.failure.code == "stream_cut"


def test_an_agent_that_goes_away_ends_its_request_upstream(endpoint: Endpoint) -> None:
    lane = endpoint.lane(stream_then(hang(20), b"data: {}\n\n"))

    async def scene(on: Stage) -> None:
        async with on.agent.stream("POST", "/v1/responses", json=ASKED) as answer:
            await answer.aiter_bytes().__anext__()
        await until(lane.left.is_set)
        assert on.meter.failure is None

    play(lane, scene)


def test_an_agent_that_goes_away_before_the_head_ends_its_request_too(endpoint: Endpoint) -> None:
    lane = endpoint.lane(hang(20))

    async def scene(on: Stage) -> None:
        asking = asyncio.ensure_future(on.ask())
        await until(lambda: bool(lane.asked))
        asking.cancel()
        await until(lane.left.is_set)

    play(lane, scene)


@pytest.mark.parametrize("begun", [True, False])
def test_what_is_under_way_when_its_run_ends_is_cut(endpoint: Endpoint, begun: bool) -> None:
    lane = endpoint.lane(stream_then(hang(20), b"data: {}\n\n") if begun else hang(20))

    async def scene(on: Stage) -> int:
        asking = asyncio.ensure_future(on.ask())
        await until(lambda: bool(lane.asked))
        await asyncio.sleep(0.1 if begun else 0)
        on.seat.meter = None
        await until(lane.left.is_set)
        return (await asking).status_code

    if begun:
        with pytest.raises(httpx.RemoteProtocolError):
            play(lane, scene)
    else:
        assert play(lane, scene) == 403


def test_the_relay_leaves_nothing_when_it_is_closed_in_the_middle(endpoint: Endpoint) -> None:
    lane = endpoint.lane(stream_then(hang(20), b"data: {}\n\n"))

    async def scene() -> None:
        async with stage(lane) as on:
            asking = asyncio.ensure_future(on.ask())
            await until(lambda: bool(lane.asked))
            address = on.relay.address
            await on.relay.__aexit__(None, None, None)
            await on.relay.__aenter__()
            await asyncio.wait({asking})
            assert isinstance(asking.exception(), httpx.TransportError) and on.relay.address != address
            with pytest.raises(httpx.ConnectError):
                await on.agent.get(address)
            await until(lane.left.is_set)

    asyncio.run(scene())


def test_a_socket_in_the_file_system_is_its_owners_and_goes_with_the_relay(endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "relay.sock"

    async def scene(on: Stage) -> None:
        assert (on.relay.address, path.stat().st_mode & 0o777) == (str(path), 0o600)
        assert (await on.ask()).status_code == 200
        assert on.meter.usage == USED

    play(endpoint.lane(hello()), scene, path=path)
    assert not path.exists()


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


def test_the_model_that_was_asked_is_priced_by_the_operators_table(endpoint: Endpoint) -> None:
    asked_for = []

    def price(model: str, usage: Usage) -> float:
        asked_for.append((model, usage.prompt_tokens))
        return 0.5

    async def scene(on: Stage) -> None:
        await on.ask()
        assert on.meter.cost == 0.5

    play(endpoint.lane(hello()), scene, meter=Meter(price=price))
    assert asked_for == [("m", 1000)]


def test_a_cookie_of_one_reply_goes_to_no_other_request(endpoint: Endpoint) -> None:
    lane = endpoint.lane(reply(WHOLE, headers={"set-cookie": "a=b"}))

    async def scene(on: Stage) -> None:
        assert "set-cookie" not in (await on.ask(headers={"cookie": "c=d"})).headers
        await on.ask()

    play(lane, scene)
    assert not any("cookie" in seen.headers for seen in lane.asked)
