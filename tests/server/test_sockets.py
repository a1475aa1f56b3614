"""What arrives on a socket, however odd: it is answered or refused readably, costs no memory, and hangs nobody."""

from __future__ import annotations

import json
import select
import sys
import time
from collections.abc import Iterator

import pytest

from .processes import Served, answer, answers, everything, get, post, serving

PATIENCE = 60.0
MEGABYTE = b"x" * 1_000_000
MANY = 200
TICK = 0.05
# What a server that kept nothing may still grow by: buffers of the socket, the reader and the allocator.
GROWTH_BYTES = 16_000_000


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest) -> Iterator[Served]:
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    with serving(loop=request.param) as served:
        served.ask(post("/size", MEGABYTE * 4, "Connection: close"))
        yield served


def huge(*headers: str, path: str = "/size", chunked: bool = False) -> Iterator[bytes]:
    size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {MANY * len(MEGABYTE)}"
    yield get(path, "Content-Type: application/json", size, *headers, method="POST")
    part = b"%x\r\n%s\r\n" % (len(MEGABYTE), MEGABYTE) if chunked else MEGABYTE
    for _ in range(MANY):
        yield part
    yield b"0\r\n\r\n" if chunked else b""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("headers", [(), ("Connection: close",)])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("path", "status"), [("/size", 413), ("/unread", 200), ("/nowhere", 404)])
def test_a_body_of_200_mb_costs_no_memory_and_its_answer_can_be_read(
    server: Served, headers: tuple[str, ...], chunked: bool, path: str, status: int
) -> None:
    before = server.peak_bytes()
    with server.connect() as client:
        for part in huge(*headers, path=path, chunked=chunked):
            client.sendall(part)
        assert answer(client)[0] == status
    assert server.peak_bytes() - before < GROWTH_BYTES


def test_a_connection_whose_body_was_refused_can_be_used_again(server: Served) -> None:
    with server.connect() as client:
        client.sendall(post("/size", MEGABYTE * 5) + get("/ready"))
        assert [status for status, _ in answers(client, 2)] == [413, 200]


def test_a_client_that_waits_to_be_asked_is_refused_before_it_sends(server: Served) -> None:
    told = server.ask(post("/size", MEGABYTE * 5, "Expect: 100-continue")[:-5_000_000])
    assert told.startswith(b"HTTP/1.1 413") and b"connection: close" in told.lower()


def test_a_client_that_waits_to_be_asked_is_asked(server: Served) -> None:
    with server.connect() as client:
        client.sendall(get("/size", *JSON, "Content-Length: 2", "Expect: 100-continue", method="POST"))
        assert client.recv(65_536).startswith(b"HTTP/1.1 100")
        client.sendall(b"{}")
        assert answer(client) == (200, b"2")


JSON = ("Content-Type: application/json",)


def test_a_chunked_body_is_put_together(server: Served) -> None:
    with server.connect() as client:
        client.sendall(get("/size", *JSON, "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
        client.sendall(b"4;ext=1\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n")
        assert answer(client) == (200, b"7")


def test_requests_sent_together_are_answered_in_their_order(server: Served) -> None:
    with server.connect() as client:
        client.sendall(post("/size", b"12") + get("/nowhere") + post("/size", b"1234"))
        told = answers(client, 3)
    assert told == [(200, b"2"), (404, told[1][1]), (200, b"4")]


@pytest.mark.parametrize(
    "raw",
    [
        get("/ready", "X-Long: " + "x" * 300_000),
        b"x" * 300_000,
        get("/" + "x" * 300_000),
        b"GET /ready HTTP/1.1\r\n\r\n",
        get("/ready", "Host: 127.0.0.1"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        get("/size", *JSON, "Transfer-Encoding: chunked", method="POST") + b"zz\r\nabc\r\n",
        get("/size", *JSON, "Content-Length: -1", method="POST"),
        get("/size", *JSON, "Content-Length: 2", "Content-Length: 3", method="POST") + b"{}",
        get("/ready", "X-Smuggled : 1"),
    ],
    ids=lambda raw: repr(raw[-24:]),
)
def test_what_is_not_http_is_a_400_in_openais_shape(server: Served, raw: bytes) -> None:
    told = server.ask(raw)
    assert told.startswith(b"HTTP/1.1 400 ")
    assert json.loads(told.partition(b"\r\n\r\n")[2])["error"]["code"] == "bad_request"


def test_a_body_that_breaks_after_its_answer_closes_the_connection(server: Served) -> None:
    with server.connect() as client:
        client.sendall(get("/unread", "Transfer-Encoding: chunked", method="POST") + b"1\r\na\r\n")
        head = client.recv(65_536)
        client.sendall(b"zz\r\n")
        everything(client)
    assert (head[:12], "Traceback" in server.logged()) == (b"HTTP/1.1 200", False)


def test_a_refused_client_is_given_time_to_read(server: Served) -> None:
    with server.connect() as client:
        client.sendall(b"hello\r\n\r\n")
        for _ in range(10):
            client.sendall(b"x" * 1000)
            select.select([], [], [], TICK)
        assert everything(client).startswith(b"HTTP/1.1 400 ")


def test_a_refused_client_that_goes_on_sending_is_closed(server: Served) -> None:
    with server.connect() as client, pytest.raises(ConnectionError):
        client.sendall(b"hello\r\n\r\n")
        assert everything(client).startswith(b"HTTP/1.1 400 ")
        # By time and not by amount: a fast machine sends ten gigabytes before the server has had enough.
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            client.sendall(MEGABYTE)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (get("http://127.0.0.1:1/ready"), 200),
        (get("http://127.0.0.1:1/ready", host="evil.example"), 200),
        (get("http://evil.example/ready"), 421),
        (get("http://127.0.0.1@evil.example/ready"), 421),
        (get("http://localhost", host="evil.example"), 404),
        (get("/ready", host="evil.example"), 421),
        (get("/ready", host="LOCALHOST.:99"), 200),
        (get("/ready", host="[::1]:8788"), 200),
        (get("/ready", host="[::2]"), 421),
        (get("/ready", host=""), 421),
        (get("/health", host="evil.example"), 200),
        (b"GET /ready HTTP/1.0\r\n\r\n", 421),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 404),
        (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 421),
        (get("/ready", "Connection: Upgrade", "Upgrade: websocket"), 200),
        (get("/ready", "Authorization: Bearer \xff\xfe\x80"), 200),
        (get("/ready", "Origin: \xff\xfe"), 403),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_the_host_counts_wherever_the_request_names_it(server: Served, raw: bytes, status: int) -> None:
    with server.connect() as client:
        client.sendall(raw)
        assert answer(client)[0] == status
