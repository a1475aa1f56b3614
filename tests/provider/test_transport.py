"""What comes off the wire: whole, unpacked, within its limit; each fault one sentence, of one class in all ways."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import litellm
import pytest
import respx

from litellm_codex_agent.errors import BrokenReply, Misconfigured, Unreachable
from litellm_codex_agent.provider.transport import MAX_REPLY_BYTES, aread, read

from ..answers import chunks, completion
from ..endpoint import Act, Connection, Endpoint, cut, reply, reset
from .calls import MODES, ask, hello
from .wires import SHIPPED, WAYS, fetch

WHOLE = json.dumps(completion()).encode()
MEGABYTE = bytes(2**20)


def raw(data: bytes) -> Act:
    """Bytes as they are, and the end of the connection."""

    def act(connection: Connection) -> None:
        connection.send(data)
        connection.keep = False

    return act


@dataclass
class Parts:
    """A reply in memory."""

    parts: Iterator[bytes]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    closed: bool = False

    def part(self) -> bytes:
        return next(self.parts, b"")

    def close(self, *, ended: bool = False) -> None:
        self.closed = True


class AsyncParts(Parts):
    async def part(self) -> bytes:  # type: ignore[override]
        return super().part()

    async def close(self, *, ended: bool = False) -> None:  # type: ignore[override]
        super().close(ended=ended)


def test_a_reply_up_to_the_limit_is_read_and_its_connection_is_free() -> None:
    answer, awaited = (kind(iter([MEGABYTE] * 64)) for kind in (Parts, AsyncParts))
    assert len(read(answer)) == len(asyncio.run(aread(awaited))) == MAX_REPLY_BYTES
    assert answer.closed
    assert awaited.closed


def test_a_reply_over_the_limit_is_refused_and_left_at_once() -> None:
    answer, awaited = (kind(iter([MEGABYTE] * 65)) for kind in (Parts, AsyncParts))
    with pytest.raises(BrokenReply, match="larger than 67,108,864 bytes"):
        read(answer)
    with pytest.raises(BrokenReply, match="larger than 67,108,864 bytes"):
        asyncio.run(aread(awaited))
    assert answer.closed
    assert awaited.closed


@pytest.mark.parametrize("way", WAYS)
def test_a_small_reply_that_unpacks_to_a_huge_one_is_refused(endpoint: Endpoint, way: str) -> None:
    packed = gzip.compress(MEGABYTE * 65, compresslevel=1)
    with pytest.raises(BrokenReply, match="larger than"):
        fetch(way, endpoint.lane(reply(packed, headers={"content-encoding": "gzip"})).base)


@pytest.mark.parametrize("mode", ["completion", "acompletion"])
@pytest.mark.parametrize(
    "act",
    [
        reply(gzip.compress(WHOLE), headers={"content-encoding": "gzip"}),
        reply(WHOLE, headers={"x-policy": "a" * 20_000}),
        raw(b"HTTP/1.0 200 OK\r\n\r\n" + WHOLE),
        raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(WHOLE) + WHOLE),
        raw(b"HTTP/1.1 200 Gr\xf6\xdfe\r\ncontent-length: %d\r\nx-a: gr\xfcn\r\n\r\n" % len(WHOLE) + WHOLE),
    ],
    ids=["gzip", "long header", "no length", "continue", "latin-1"],
)
def test_an_odd_reply_that_http_allows_is_read(endpoint: Endpoint, mode: str, act: Act) -> None:
    assert ask(mode, endpoint.lane(act)).choices[0].message.content == "Hello there"


BROKEN = {
    "bad gzip": reply(b"nonsense nonsense nonsense", headers={"content-encoding": "gzip"}),
    "too long a header": reply(WHOLE, headers={"x-policy": "a" * 200_000}),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "binary": raw(b"\x00\x01\x02\xff" * 100),
    "bad length": raw(b"HTTP/1.1 200 OK\r\ncontent-length: abc\r\n\r\n" + WHOLE),
    "bad chunk": raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n" + WHOLE),
    "cut chunk": raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n" + WHOLE[:9]),
    "bad header": raw(b"HTTP/1.1 200 OK\r\nx-a: a\x00b\r\n\r\n" + WHOLE),
    "nothing": raw(b""),
    "reset": reset,
    "cut": cut,
    "cut without a length": raw(b"HTTP/1.0 200 OK\r\n\r\n" + WHOLE[:40]),
}


@pytest.mark.parametrize("mode", ["completion", "acompletion"])
@pytest.mark.parametrize("act", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_reply_is_one_sentence_and_a_500(endpoint: Endpoint, mode: str, act: Act) -> None:
    with pytest.raises(litellm.InternalServerError, match=r"CodexAgentException - The [^\n]+\.$") as raised:
        ask(mode, endpoint.lane(act))
    assert ".." not in str(raised.value).replace("...", "")


@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_cannot_be_unpacked_is_a_broken_reply(endpoint: Endpoint, way: str) -> None:
    with pytest.raises(BrokenReply, match="cannot be unpacked: "):
        fetch(way, endpoint.lane(BROKEN["bad gzip"]).base)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["nothing", "reset", "cut", "cut chunk", "not HTTP", "too long a header"])
def test_a_connection_that_breaks_is_told_as_such(endpoint: Endpoint, way: str, name: str) -> None:
    with pytest.raises(Unreachable, match="The connection broke: "):
        fetch(way, endpoint.lane(BROKEN[name]).base)


@pytest.mark.parametrize("way", SHIPPED)
def test_a_refusal_before_the_body_was_read_is_heard(endpoint: Endpoint, way: str) -> None:
    assert fetch(way, endpoint.lane(reply({}, status=413)).base).status == 413


@pytest.mark.parametrize("way", SHIPPED)
@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://nothing.invalid"])
def test_an_endpoint_that_is_not_there_is_unreachable_without_addresses_of_memory(way: str, url: str) -> None:
    with pytest.raises(Unreachable, match=r"cannot be reached: \[Errno [^<]*Is it running") as raised:
        fetch(way, url)
    assert " at 0x" not in str(raised.value)


@pytest.mark.parametrize("way", SHIPPED)
def test_an_address_that_cannot_be_one_is_a_400(way: str) -> None:
    with pytest.raises(Misconfigured, match="The request cannot be sent: "):
        fetch(way, "http://a..b/")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "value", ["Bearer sk-secret\n", " sk-secret", "sk-secret ", "sk\x00-secret", "sk-secret\r\nx: y"]
)
def test_a_header_that_http_cannot_carry_is_a_400_that_shows_no_value(endpoint: Endpoint, way: str, value: str) -> None:
    lane = hello(endpoint)
    with pytest.raises(Misconfigured, match="'authorization' cannot be sent") as raised:
        fetch(way, lane.base, headers={"authorization": value})
    assert "secret" not in str(raised.value)
    assert lane.asked == []


@pytest.mark.parametrize("way", WAYS)
def test_a_header_goes_out_as_utf_8(endpoint: Endpoint, way: str) -> None:
    lane = hello(endpoint)
    fetch(way, lane.base, headers={"x-team": "grün", "x-empty": ""})
    assert lane.asked[0].headers["x-team"].encode("latin-1").decode() == "grün"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("given", "sent"), [({}, "gzip, deflate"), ({"accept-encoding": "identity"}, "identity")])
def test_a_packed_reply_is_asked_for_unless_the_caller_says_how(
    endpoint: Endpoint, way: str, given: dict[str, str], sent: str
) -> None:
    lane = hello(endpoint)
    fetch(way, lane.base, headers=given)
    assert lane.asked[0].headers["accept-encoding"].startswith(sent)


@pytest.mark.parametrize("mode", MODES)
def test_a_client_of_the_callers_own_is_the_one_that_is_used(mode: str) -> None:
    client = httpx.AsyncClient() if mode.startswith("a") else httpx.Client()
    body = b"".join(chunks({"content": "Hello there"})) if "stream" in mode else WHOLE
    with respx.mock(base_url="http://agent.test") as mocked:
        route = mocked.post("/v1/chat/completions").respond(200, content=body)
        assert ask(mode, None, api_base="http://agent.test", client=client).choices[0].message.content == "Hello there"
    assert route.call_count == 1
