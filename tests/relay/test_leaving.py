"""An agent, a run or the relay goes away in the middle, and nothing is left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from litellm_codex_agent.backends.events import Usage
from litellm_codex_agent.relay.meter import Meter
from litellm_codex_agent.relay.relay import Relay

from ..endpoint import Endpoint, event, hang, stream_then
from .stage import ASKED, USED, Stage, bounded, hello, play, stage, until


async def sending(on: Stage, length: int, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request whose body is announced with this length, and of which so much is sent."""
    host, port = on.relay.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /v1/responses HTTP/1.1\r\nhost: a\r\nx-api-key: {on.seat.token}\r\ncontent-length: {length}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return reader, writer


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


def test_what_is_under_way_when_its_run_ends_is_refused(endpoint: Endpoint) -> None:
    lane = endpoint.lane(hang(20))

    async def scene(on: Stage) -> None:
        asking = asyncio.ensure_future(on.ask())
        await until(lambda: bool(lane.asked))
        on.seat.meter = None
        assert (await asking).status_code == 403
        await until(lane.left.is_set)

    play(lane, scene)


def test_a_stream_that_is_under_way_when_its_run_ends_is_cut(endpoint: Endpoint) -> None:
    lane = endpoint.lane(stream_then(hang(20), b"data: {}\n\n"))

    async def scene(on: Stage) -> None:
        async with on.agent.stream("POST", "/v1/responses", json=ASKED) as answer:
            pieces = answer.aiter_bytes()
            await pieces.__anext__()
            on.seat.meter = None
            with pytest.raises(httpx.RemoteProtocolError):
                await pieces.__anext__()
        await until(lane.left.is_set)

    play(lane, scene)


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


def test_an_agent_that_goes_away_while_it_sends_is_forgotten(endpoint: Endpoint) -> None:
    lane = endpoint.lane(hello())

    async def scene(on: Stage) -> None:
        _, writer = await sending(on, 9, b"half")
        await until(lambda: on.seat.held == 1)
        writer.close()
        await until(lambda: on.seat.held == 0)
        assert (await on.ask()).status_code == 200

    play(lane, scene)
    assert len(lane.asked) == 1


def test_a_run_that_ends_while_a_request_arrives_asks_nothing(endpoint: Endpoint) -> None:
    lane = endpoint.lane(hello())

    async def scene(on: Stage) -> None:
        reader, writer = await sending(on, 9, b"half")
        await until(lambda: on.seat.held == 1)
        on.seat.meter = None
        writer.write(b" body")
        assert (await reader.readline()).split()[1] == b"403"
        writer.close()

    play(lane, scene)
    assert not lane.asked


def test_a_body_that_is_announced_as_too_large_is_not_waited_for(endpoint: Endpoint) -> None:
    async def scene(on: Stage) -> None:
        reader, writer = await sending(on, 32 * 1024 * 1024 + 1, b"")
        assert (await reader.readline()).split()[1] == b"413"
        writer.close()

    play(endpoint.lane(hello()), scene)


def test_a_connection_that_is_idle_is_closed_with_the_relay(endpoint: Endpoint) -> None:
    async def scene() -> None:
        async with stage(endpoint.lane(hello())) as on:
            reader, writer = await sending(on, 9, b"half")
            await until(lambda: on.seat.held == 1)
        assert await reader.read() == b""
        writer.close()

    asyncio.run(bounded(scene()))


def test_what_was_told_before_an_agent_left_is_counted(endpoint: Endpoint) -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 30, "output_tokens": 1}}}
    lane = endpoint.lane(stream_then(hang(20), event(start)))

    async def scene(on: Stage) -> None:
        async with on.agent.stream("POST", "/v1/messages", json=ASKED) as answer:
            await answer.aiter_bytes().__anext__()
        await until(lane.left.is_set)
        assert (on.meter.usage, on.meter.failure) == (Usage(30, 1), None)

    play(lane, scene)


def test_connections_beyond_the_bound_are_closed(endpoint: Endpoint) -> None:
    async def scene(on: Stage) -> None:
        host, port = on.relay.address.removeprefix("http://").split(":")
        opened = [await asyncio.open_connection(host, int(port)) for _ in range(257)]
        assert await opened[-1][0].read() == b""
        for _, writer in opened:
            writer.close()
        assert (await on.ask()).status_code == 200

    play(endpoint.lane(hello()), scene)


def test_a_path_that_is_taken_is_an_error_and_leaves_the_file(tmp_path: Path) -> None:
    taken = tmp_path / "relay.sock"
    taken.write_text("mine")

    async def scene() -> None:
        async with Relay(taken):
            pass

    with pytest.raises(OSError):
        asyncio.run(scene())
    assert taken.read_text() == "mine"


def test_a_run_is_followed_by_another_on_the_same_seat(endpoint: Endpoint) -> None:
    async def scene(on: Stage) -> None:
        await on.ask()
        on.seat.meter = second = Meter()
        await on.ask()
        assert (on.meter.requests, second.requests) == (1, 1)

    play(endpoint.lane(hello()), scene)
