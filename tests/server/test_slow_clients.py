"""Clients that send half of a request, or a byte at a time, are closed in time; all others never notice them."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator

import pytest

from litellm_codex_agent.server.limits import BODY_SECONDS, HEAD_SECONDS, KEEP_ALIVE_SECONDS, Limits

from .processes import Served, answer, everything, get, post, seconds_until_closed, serving

HEAD, BODY, STALL = 0.8, 1.6, 1.0
# What a busy machine may take beyond a limit.
LATE = 3.0
CROWD = 500
TICK = 0.05

HALF_HEAD = b"GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "
HALF_BODY = post("/unread", b"x" * 1000)[:-500]


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest) -> Iterator[Served]:
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    with serving(loop=request.param, limits={"head": HEAD, "body": BODY, "stall": STALL}, read=60) as served:
        yield served


def test_the_limits_are_those_of_the_contract() -> None:
    assert (HEAD_SECONDS, BODY_SECONDS, KEEP_ALIVE_SECONDS) == (15, 35, 75)
    assert (Limits().head, Limits().body) == (15, 37)


@pytest.mark.parametrize(("sent", "limit"), [(HALF_HEAD, HEAD), (b"G", HEAD), (b"", HEAD), (HALF_BODY, BODY)])
def test_half_a_request_is_closed_at_its_limit(server: Served, sent: bytes, limit: float) -> None:
    with server.connect() as client:
        client.sendall(sent)
        assert limit - 0.2 < seconds_until_closed(client) < limit + LATE


@pytest.mark.parametrize(("sent", "limit"), [(HALF_HEAD, HEAD), (HALF_BODY, BODY)])
def test_so_is_half_of_a_second_request_on_one_connection(server: Served, sent: bytes, limit: float) -> None:
    with server.connect() as client:
        client.sendall(get("/ready"))
        assert answer(client)[0] == 200
        client.sendall(sent)
        assert limit - 0.2 < seconds_until_closed(client) < limit + LATE


def test_so_is_half_a_head_behind_a_whole_request(server: Served) -> None:
    with server.connect() as client:
        client.sendall(get("/ready") + HALF_HEAD)
        assert answer(client)[0] == 200
        assert seconds_until_closed(client) < HEAD + LATE


@pytest.mark.parametrize(("sent", "limit"), [(HALF_HEAD, HEAD), (HALF_BODY, BODY)])
def test_a_byte_at_a_time_is_no_better(server: Served, sent: bytes, limit: float) -> None:
    began = time.monotonic()
    with server.connect() as client, pytest.raises(ConnectionError):
        client.sendall(sent)
        client.settimeout(TICK)
        while time.monotonic() < began + limit + LATE:
            client.sendall(b"x")
            listen_for_a_tick(client)
    assert limit - 0.2 < time.monotonic() - began < limit + LATE


def listen_for_a_tick(client: socket.socket) -> None:
    try:
        client.recv(65_536)
    except TimeoutError:
        return


def test_an_idle_connection_outlives_both_limits(server: Served) -> None:
    with server.connect() as client:
        client.sendall(get("/ready"))
        assert answer(client)[0] == 200
        client.settimeout(BODY + HEAD)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(LATE)
        client.sendall(post("/size", b"{}"))
        assert answer(client) == (200, b"2")


def test_an_answer_may_take_longer_than_both_limits(server: Served) -> None:
    with server.connect() as client:
        client.sendall(get("/stream"))
        end = time.monotonic() + BODY + HEAD
        while time.monotonic() < end:
            assert client.recv(65_536)


@pytest.mark.parametrize(("sent", "limit"), [(HALF_HEAD, HEAD), (HALF_BODY, BODY)])
def test_a_crowd_of_halves_is_closed_while_others_are_served(server: Served, sent: bytes, limit: float) -> None:
    crowd = [server.connect() for _ in range(CROWD)]
    began = time.monotonic()
    for client in crowd:
        client.sendall(sent)
    with server.connect() as other:
        other.sendall(get("/ready"))
        assert answer(other)[0] == 200
    answered = time.monotonic() - began
    still_open = closed(crowd, began + limit + 2 * LATE)
    assert (answered < LATE, still_open) == (True, 0)


def closed(crowd: list[socket.socket], deadline: float) -> int:
    """How many of the crowd are open at the deadline, if any."""
    with selectors.DefaultSelector() as selector:
        for client in crowd:
            selector.register(client, selectors.EVENT_READ)
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(TICK):
                if not some(key.fileobj):
                    selector.unregister(key.fileobj)
        still_open = len(selector.get_map())
    for client in crowd:
        client.close()
    return still_open


def some(client: object) -> bytes:
    assert isinstance(client, socket.socket)
    try:
        return client.recv(65_536)
    except ConnectionResetError:
        return b""


def test_a_route_that_waits_for_the_body_says_that_it_waited_too_long() -> None:
    with serving(read=0.3) as served, served.connect() as client:
        client.sendall(post("/size", b"x" * 100)[:-50])
        told = everything(client)
    assert (told.split()[1], b"connection: close" in told.lower()) == (b"408", True)
    assert b'"code":"request_timeout"' in told


def test_who_leaves_an_answer_unread_is_cut(server: Served) -> None:
    with server.connect() as client:
        client.sendall(get("/flood"))
        began = time.monotonic()
        # The client sees nothing of it, for it reads nothing; the server's line tells that the answer was cut.
        while '"path": "/flood", "status": 499' not in server.logged():
            assert time.monotonic() - began < STALL + LATE
            time.sleep(TICK)
        assert time.monotonic() - began > STALL - 0.2


def test_who_reads_an_answer_slowly_is_not(server: Served) -> None:
    with server.connect() as client:
        client.sendall(get("/flood"))
        until = time.monotonic() + 2 * STALL
        while time.monotonic() < until:
            assert len(client.recv(1 << 20)) > 0
            time.sleep(TICK)
