"""What passes between an agent and its model, over real sockets, and what is noted of it."""

from __future__ import annotations

import gzip
import json
import threading

import pytest

from litellm_codex_agent.backends.events import Usage
from litellm_codex_agent.relay.meter import Limits, Meter
from litellm_codex_agent.relay.upstream import Upstream

from ..endpoint import Connection, Endpoint, reply, stream, stream_then
from ..responses_endpoint import USAGE, conversations, say, turn, wait_for
from .stage import ASKED, KEY, USED, WHOLE, Stage, asked, hello, play


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


def test_a_token_may_come_as_anthropics_clients_send_it(endpoint: Endpoint) -> None:
    async def scene(on: Stage) -> None:
        assert (await on.ask(headers={"authorization": "", "x-api-key": on.seat.token})).status_code == 200

    play(endpoint.lane(hello()), scene)


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


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/messages/count_tokens")])
def test_what_is_no_call_of_a_model_passes_and_is_not_counted(endpoint: Endpoint, method: str, path: str) -> None:
    lane = endpoint.lane(reply({"error": {"message": "no"}, "usage": USAGE}, status=404))

    async def scene(on: Stage) -> None:
        assert (await on.agent.request(method, path)).status_code == 404
        assert (on.meter.requests, on.meter.failure, on.meter.usage) == (0, None, Usage())

    play(lane, scene, meter=Meter(Limits(requests=0)))
    assert len(lane.asked) == 1


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


def test_a_compressed_reply_is_unpacked_and_read(endpoint: Endpoint) -> None:
    body = json.dumps(WHOLE).encode()
    said, meter = asked(endpoint.lane(reply(gzip.compress(body), headers={"content-encoding": "gzip"})))
    assert (said.content, "content-encoding" in said.headers, meter.usage) == (body, False, USED)


def test_a_request_that_names_no_model_is_priced_as_none(endpoint: Endpoint) -> None:
    async def scene(on: Stage) -> None:
        for body in (b"", b"[1]", b'{"model": 7}'):
            await on.ask(content=body, json=None)
        assert on.meter.cost == 3.0

    play(endpoint.lane(reply(WHOLE)), scene, meter=Meter(price=lambda model, _: {"": 1.0}[model]))


def test_a_proxy_on_the_way_is_used(endpoint: Endpoint) -> None:
    lane = endpoint.lane(reply(WHOLE))
    away = lane.base.replace(endpoint.url, "http://models.invalid")

    async def scene(on: Stage) -> None:
        assert (await on.ask()).status_code == 200

    play(lane, scene, upstream=Upstream(away, KEY, proxy=endpoint.url))
    assert lane.asked[0].headers["host"] == "models.invalid"


def test_of_a_whole_reply_the_last_bytes_wait_until_its_usage_is_noted(endpoint: Endpoint) -> None:
    def act(connection: Connection) -> None:
        connection.head(200, {"content-type": "application/json"})
        connection.chunk(json.dumps(WHOLE).encode())
        connection.sock.settimeout(0.2)
        with pytest.raises(TimeoutError):  # the end comes later than the bytes
            connection.sock.recv(1)
        connection.chunk(b"")

    async def scene(on: Stage) -> None:
        async with on.agent.stream("POST", "/v1/responses", json=ASKED) as answer:
            await answer.aiter_bytes().__anext__()
            assert on.meter.usage == USED

    play(endpoint.lane(act), scene)
