"""What goes wrong at the model: told to the agent, noted for the run, and never with the key."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from litellm_codex_agent.backends.events import Failure
from litellm_codex_agent.relay.meter import Meter
from litellm_codex_agent.relay.relay import Relay
from litellm_codex_agent.relay.upstream import Upstream

from ..endpoint import Endpoint, hang, reply, reset, stream, stream_then
from ..responses_endpoint import conversations, turn
from .stage import ASKED, KEY, Stage, asked, bounded, hello, play, warnings


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
def test_a_stream_that_is_silent_or_cut_is_cut_for_the_agent(
    endpoint: Endpoint, act: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(on: Stage) -> None:
        read = b""
        with pytest.raises(httpx.RemoteProtocolError):
            async with on.agent.stream("POST", "/v1/responses", json=ASKED) as answer:
                async for piece in answer.aiter_bytes():
                    read += piece
        assert read == b"data: {}\n\n"
        assert on.meter.failure is not None and on.meter.failure.status == status

    play(endpoint.lane(act), scene, silence=0.3)
    assert warnings(caplog) == []


def test_a_stream_that_ends_before_the_answer_does_is_a_failure(endpoint: Endpoint) -> None:
    said, meter = asked(endpoint.lane(stream(b'data: {"type": "response.created"}\n\n')))
    assert said.status_code == 200 and meter.failure is not None and meter.failure.code == "stream_cut"


def test_a_reply_that_cannot_be_unpacked_is_cut(endpoint: Endpoint) -> None:
    lane = endpoint.lane(reply(b"no gzip", headers={"content-encoding": "gzip"}))

    async def scene(on: Stage) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            await on.ask()
        assert on.meter.failure is not None and on.meter.failure.code == "unreadable"

    play(lane, scene)


def test_a_proxy_that_lets_nobody_through_is_told() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    async def scene() -> httpx.Response:
        proxy = await asyncio.start_server(refuse, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        upstream = Upstream("https://models.invalid/v1", KEY, proxy=f"http://127.0.0.1:{port}")
        async with proxy, Relay() as relay, httpx.AsyncClient(base_url=relay.address) as agent:
            seat = relay.seat(upstream)
            seat.meter = Meter()
            return await agent.post("/v1/responses", headers={"x-api-key": seat.token}, json=ASKED)

    said = asyncio.run(bounded(scene()))
    assert (said.status_code, said.json()["error"]["message"].partition(" on")[0]) == (502, "The proxy")


def test_a_reply_that_ends_as_the_key_begins_comes_back_whole(endpoint: Endpoint) -> None:
    for act in (stream(b"data: ", KEY[:9].encode()), reply(f"not {KEY[:9]}".encode())):
        said, _ = asked(endpoint.lane(act))
        assert said.text.endswith(KEY[:9])
