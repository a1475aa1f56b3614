"""Tools over HTTP, against a server on a real socket that counts what it sees."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from litellm_codex_agent.tools.http import HttpTools
from litellm_codex_agent.tools.source import MAX_WHOLE_BYTES, Call, Result, ToolsUnavailable

from .opening import calling, listing, origin, using
from .tool_server import MIB, Answer, ToolServer, bomb, in_http_date, serving, told, tool


@pytest.fixture
def server() -> Iterator[ToolServer]:
    with serving() as running:
        yield running


def test_a_tool_is_listed_and_called_once(server: ToolServer) -> None:
    result = calling(server.url, "echo", {"text": "hi"})
    assert result == Result(stdout='{"ok": true, "echo": {"text": "hi"}}')
    assert [(seen.method, seen.path) for seen in server.seen] == [("GET", "/tools"), ("POST", "/invoke")]
    assert server.seen[1].body == {"name": "echo", "arguments": {"text": "hi"}}


def test_the_paths_stand_behind_the_base(server: ToolServer) -> None:
    calling(f"{server.url}/v2/", "echo")
    assert [seen.path for seen in server.seen] == ["/v2/tools", "/v2/invoke"]


def test_a_name_that_no_model_takes_is_called_by_an_alias(server: ToolServer) -> None:
    server.list = [{"name": "files/read me"}, {"name": "files_read_me"}]
    alias, plain = listing(server.url)
    assert alias.startswith("files_read_me_") and plain == "files_read_me"
    calling(server.url, alias)
    calling(server.url, plain)
    assert [seen.body["name"] for seen in server.seen if seen.body] == ["files/read me", "files_read_me"]


def test_calls_run_side_by_side(server: ToolServer) -> None:
    server.offers(meet=[server.meet])
    server.meeting = threading.Barrier(4)

    async def four(source: HttpTools) -> list[Result]:
        return await asyncio.gather(*(source.call(Call(f"c{n}", "meet", {}), 10.0) for n in range(4)))

    assert [result.stdout for result in using(server.url, four)] == ['"met"'] * 4
    assert len(server.calls("meet")) == 4


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"error": "no such file"}, "no such file"),
        ({"error": {"message": "broken"}}, "broken"),
        ({"error": {"code": 7}}, '{"code": 7}'),
        ({"ok": False}, "The tool says that it failed."),
        ({"isError": True, "content": []}, "The tool says that it failed."),
    ],
)
def test_a_reply_that_says_it_failed_is_a_failed_result(server: ToolServer, body: object, error: str) -> None:
    server.offers(bad=[told(body)])
    assert calling(server.url, "bad") == Result(rc=1, stdout=json.dumps(body), error=error)


@pytest.mark.parametrize("body", [b"plain words", b"[1, 2]", b'"text"', b"", b'{"error": null}', b"[" * 100_000])
def test_a_reply_may_be_anything(server: ToolServer, body: bytes) -> None:
    server.offers(any=[Answer(200, body)])
    assert calling(server.url, "any") == Result(stdout=body.decode())


@pytest.mark.parametrize("status", [400, 401, 404, 418, 500, 502, 504, 599])
def test_a_status_that_says_no_is_a_failed_result_and_not_tried_again(server: ToolServer, status: int) -> None:
    server.offers(bad=[told({"detail": "why"}, status)])
    result = calling(server.url, "bad")
    assert result.rc == 1 and f"it answered {status}" in result.error and result.stdout == '{"detail": "why"}'
    assert len(server.calls("bad")) == 1


def test_a_call_that_takes_too_long_is_cut(server: ToolServer) -> None:
    server.offers(slow=[server.hang])
    result = calling(server.url, "slow", within=0.3)
    assert (result.rc, result.timed_out) == (124, True)
    assert len(server.calls("slow")) == 1


def test_a_call_that_is_cancelled_ends_at_once(server: ToolServer) -> None:
    server.offers(slow=[server.hang])

    async def leave(source: HttpTools) -> bool:
        call = asyncio.ensure_future(source.call(Call("c1", "slow", {}), 60.0))
        while not server.calls("slow") and not call.done():
            await asyncio.sleep(0.005)
        call.cancel()
        await asyncio.wait({call}, timeout=5)
        return call.cancelled()

    assert using(server.url, leave)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_after_its_retry_after(server: ToolServer, status: int) -> None:
    server.offers(busy=[told({}, status, Retry_After="0.05"), told({}, status, Retry_After="0"), told("done")])
    assert calling(server.url, "busy").stdout == '"done"'
    keys = {seen.header("Idempotency-Key") for seen in server.calls("busy")}
    assert len(server.calls("busy")) == 3 and len(keys) == 1 and None not in keys


def test_three_tries_are_all(server: ToolServer) -> None:
    server.offers(busy=[told({}, 429, Retry_After="0")])
    assert "answered 429 Too Many Requests" in calling(server.url, "busy").error
    assert len(server.calls("busy")) == 3


@pytest.mark.parametrize("later", [lambda: "30", lambda: in_http_date(30)], ids=["seconds", "date"])
def test_a_wait_that_outlasts_the_call_is_not_begun(server: ToolServer, later: Callable[[], str]) -> None:
    server.offers(busy=[told({}, 429, Retry_After=later())])
    result = calling(server.url, "busy", within=10.0)
    assert not result.timed_out and "429" in result.error
    assert len(server.calls("busy")) == 1


def test_a_date_that_is_over_asks_for_no_wait(server: ToolServer) -> None:
    server.offers(busy=[told({}, 503, Retry_After=in_http_date(-10)), told("done")])
    assert calling(server.url, "busy").ok
    assert len(server.calls("busy")) == 2


@pytest.mark.parametrize("wrong", [Answer(-1), told({}, 502, Retry_After="0"), told({}, 504, Retry_After="0")])
@pytest.mark.parametrize(
    ("marks", "posts"), [({}, 1), ({"idempotent": True}, 3), ({"annotations": {"idempotentHint": True}}, 3)]
)
def test_what_may_have_been_done_is_done_again_only_where_that_is_harmless(
    server: ToolServer, wrong: Answer, marks: dict[str, object], posts: int
) -> None:
    server.list, server.plays = [tool("act", **marks)], {"act": [wrong, wrong, told("done")]}
    assert calling(server.url, "act").ok == (posts == 3)
    assert len(server.calls("act")) == posts


def test_a_connection_that_is_refused_is_tried_again(server: ToolServer) -> None:
    async def back(source: HttpTools) -> Result:
        server.close()
        call = asyncio.ensure_future(source.call(Call("c1", "echo", {}), 10.0))
        await asyncio.sleep(0.1)
        server.listen()
        return await call

    assert using(server.url, back).ok
    assert len(server.calls("echo")) == 1


def test_a_server_that_stays_away_is_a_failed_result(server: ToolServer) -> None:
    async def away(source: HttpTools) -> Result:
        server.close()
        return await source.call(Call("c1", "echo", {}), 10.0)

    result = using(server.url, away)
    server.listen()
    assert result.rc == 1 and "takes no connection" in result.error and not result.timed_out


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: ToolServer, status: int) -> None:
    with serving() as other:
        server.offers(moved=[told({}, status, Location=f"{other.url}/invoke?token=s3cret")])
        result = calling(server.url, "moved", headers={"Authorization": "Bearer mine"})
        assert result.rc == 1 and "redirects are not followed" in result.error and "s3cret" not in result.error
        assert len(server.calls("moved")) == 1 and other.seen == []


def test_a_redirect_to_itself_is_not_followed_either(server: ToolServer) -> None:
    server.offers(moved=[told({}, 307, Location="/invoke")])
    assert "points to /invoke" in calling(server.url, "moved").error
    assert len(server.calls("moved")) == 1


@pytest.mark.parametrize(("place", "words"), [("http://[", "points nowhere"), ("", "points nowhere"), ("/a", "to /a")])
def test_a_redirect_says_where_it_points(server: ToolServer, place: str, words: str) -> None:
    server.offers(moved=[told({}, 302, Location=place)])
    assert words in calling(server.url, "moved").error


def test_a_reply_that_breaks_off_is_a_failed_result_and_not_asked_for_again(server: ToolServer) -> None:
    server.offers(half=[Answer(200, b"half", {"X-Cut": "yes"})])
    result = calling(server.url, "half")
    assert result.rc == 1 and "broke in the middle" in result.error and len(server.calls("half")) == 1


def test_a_reply_of_five_megabytes_is_cut_at_one(server: ToolServer) -> None:
    server.offers(huge=[Answer(200, b"x" * MIB, repeat=5)])
    result = calling(server.url, "huge")
    assert result.rc == 1 and result.stdout == "x" * MAX_WHOLE_BYTES and "over 1,048,576 bytes" in result.error


def test_a_reply_of_one_megabyte_is_whole(server: ToolServer) -> None:
    server.offers(big=[Answer(200, b"x" * MAX_WHOLE_BYTES)])
    assert calling(server.url, "big") == Result(stdout="x" * MAX_WHOLE_BYTES)


def test_a_compressed_bomb_is_cut_as_well(server: ToolServer) -> None:
    server.offers(bomb=[bomb(200 * MIB)], small=[bomb(10)])
    assert len(calling(server.url, "bomb").stdout) == MAX_WHOLE_BYTES
    assert calling(server.url, "small") == Result(stdout=" " * 10)


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_a_body_that_cannot_be_unpacked_is_a_failed_result(server: ToolServer, encoding: str) -> None:
    server.offers(odd=[Answer(200, b"not that", {"Content-Encoding": encoding})])
    result = calling(server.url, "odd")
    assert result.rc == 1 and "compressed" in result.error and len(server.calls("odd")) == 1


def test_a_number_that_json_cannot_say_is_a_failed_result(server: ToolServer) -> None:
    assert "number" in calling(server.url, "echo", {"n": float("nan")}).error
    assert calling(server.url, "nobody").rc == 1
    assert [seen.method for seen in server.seen] == ["GET", "GET"]


@pytest.mark.parametrize(
    ("play", "sentence"),
    [
        (Answer(200, b"<html>"), "not JSON"),
        (Answer(200, b"\xff"), "not JSON"),
        (told({"tools": {}}), "no list"),
        (told([{"description": "nameless"}]), "Entry 0"),
        (told({}, 404), "answered 404"),
        (told({}, 302, Location="/else"), "redirects are not followed"),
        (Answer(200, b" " * MIB, repeat=2), "over 1,048,576 bytes"),
        (Answer(-1), "broke before an answer"),
    ],
)
def test_a_list_that_is_none_makes_the_tools_unavailable(server: ToolServer, play: Answer, sentence: str) -> None:
    server.plays["tools"] = [play]
    with pytest.raises(ToolsUnavailable, match=sentence) as caught:
        listing(server.url)
    assert caught.value.status == 502


def test_a_list_that_does_not_come_makes_the_tools_unavailable(server: ToolServer) -> None:
    server.plays["tools"] = [server.hang]
    with pytest.raises(ToolsUnavailable, match="in time"):
        listing(server.url, seconds=0.3)
    assert len(server.seen) == 1


def test_a_list_is_asked_for_again_where_its_server_is_busy(server: ToolServer) -> None:
    server.plays["tools"] = [told({}, 503, Retry_After="0"), Answer(-1), told([{"name": "late"}])]
    assert listing(server.url) == ["late"]
    assert len(server.seen) == 3


def test_nobody_at_the_address_makes_the_tools_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ToolsUnavailable, match="takes no connection") as caught:
            listing(url, seconds=1.0)
    assert caught.value.status == 502


@pytest.mark.parametrize("origins", [[], ["*"], ["http://127.0.0.1"], ["https://tools.example"]])
def test_a_server_that_nobody_allowed_hears_nothing(server: ToolServer, origins: list[str]) -> None:
    with pytest.raises(ToolsUnavailable) as caught:
        listing(server.url, origins=origins)
    assert caught.value.status == 400 and server.seen == []


def test_a_name_is_allowed_and_its_host_header_stays_the_name(server: ToolServer) -> None:
    by_name = server.url.replace("127.0.0.1", "localhost")
    assert calling(by_name, "echo", origins=[origin(by_name)]).ok
    assert {seen.header("Host") for seen in server.seen} == {by_name.removeprefix("http://")}
