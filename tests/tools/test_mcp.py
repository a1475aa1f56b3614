"""Tools of real MCP servers, made with the official SDK, over both transports; what they saw is counted."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from litellm_codex_agent.tools import mcp
from litellm_codex_agent.tools.mcp import McpTools
from litellm_codex_agent.tools.source import MAX_WHOLE_BYTES, Call, Result, ToolsUnavailable

from .mcp_asking import Stand, over_http, over_stdio

MIB = 2**20


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with over_http(tmp_path_factory.mktemp("web")) as stand:
        yield stand


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with over_http(tmp_path_factory.mktemp("old"), "old") as stand:
        yield stand


@pytest.fixture(params=["stdio", "http", "old http"])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    if request.param == "stdio":
        yield over_stdio(tmp_path)
        return
    found: Stand = request.getfixturevalue("old" if request.param == "old http" else "web")
    found.ledger.write_text("")
    yield found


def test_a_servers_tools_are_listed_under_its_name(stand: Stand) -> None:
    names = stand.names()
    assert {"real__echo", "real__add", "real__files_read_me"} <= set(names)
    assert len(stand.entries(method="tools/list")) == (1 if "url" in stand.server else 0)


def test_a_call_reaches_the_server_once(stand: Stand) -> None:
    assert stand.calling("echo", {"text": "grüß"}).stdout == "grüß"
    assert stand.entries(tool="echo") == [{"tool": "echo", "text": "grüß"}]
    assert len(stand.entries(method="tools/call")) == (1 if "url" in stand.server else 0)


def test_a_name_that_no_model_takes_is_called_by_an_alias(stand: Stand) -> None:
    assert stand.calling("files_read_me").stdout == "odd"


def test_structured_content_is_json_and_told_once(stand: Stand) -> None:
    assert stand.calling("add", {"a": 1, "b": 2}).stdout == "3"
    assert stand.calling("point").stdout == '{\n  "x": 1,\n  "y": 2\n}'


def test_what_is_not_text_is_said(stand: Stand) -> None:
    assert stand.calling("picture").stdout == "[image of type image/png left out, 300 bytes]"
    assert stand.calling("document").stdout == "[resource file:///notes.txt]\nremember"


def test_a_tool_that_fails_is_a_failed_result(stand: Stand) -> None:
    result = stand.calling("fail")
    assert result.rc == 1 and "Error executing tool fail" in result.error
    assert len(stand.entries(tool="fail")) == 1


def test_arguments_that_do_not_fit_are_a_failed_result(stand: Stand) -> None:
    assert not stand.calling("add", {"a": "no number"}).ok
    assert stand.entries(tool="add") == []


def test_calls_run_side_by_side_through_one_client(stand: Stand) -> None:
    async def four(source: McpTools) -> list[Result]:
        calls = [Call(f"c{number}", "real__meet", {"number": 4}) for number in range(4)]
        return await asyncio.gather(*(source.call(call, 20.0) for call in calls))

    assert [result.stdout for result in stand.using(four)] == ["met"] * 4
    assert len(stand.entries(tool="meet")) == 4


def test_a_call_that_takes_too_long_is_cut_and_others_go_on(stand: Stand) -> None:
    async def both(source: McpTools) -> tuple[Result, Result]:
        late = await source.call(Call("c1", "real__hang", {}), 0.3)
        return late, await source.call(Call("c2", "real__echo", {"text": "next"}), 20.0)

    late, after = stand.using(both)
    assert (late.rc, late.timed_out) == (124, True) and after.stdout == "next"
    assert len(stand.entries(tool="hang")) == 1


def test_a_call_that_is_cancelled_ends(stand: Stand) -> None:
    async def leave(source: McpTools) -> bool:
        call = asyncio.ensure_future(source.call(Call("c1", "real__hang", {}), 60.0))
        while not stand.entries(tool="hang") and not call.done():
            await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.wait({call}, timeout=10)
        return call.cancelled()

    assert stand.using(leave)


def test_a_reply_over_a_megabyte_is_cut(stand: Stand) -> None:
    result = stand.calling("huge", {"size": 2 * MIB})
    assert result.rc == 1 and result.stdout == "x" * MAX_WHOLE_BYTES and "over 1,048,576 bytes" in result.error
    assert stand.calling("huge", {"size": MAX_WHOLE_BYTES}).ok


def test_a_reply_of_five_megabytes_is_never_held(stand: Stand) -> None:
    async def both(source: McpTools) -> tuple[Result, Result]:
        huge = await source.call(Call("c1", "real__huge", {"size": 5 * MIB}), 20.0)
        return huge, await source.call(Call("c2", "real__echo", {"text": "next"}), 20.0)

    huge, after = stand.using(both)
    assert (
        huge.rc == 1 and huge.stdout == "" and "4194304 byte" in huge.error.replace(",", "") and after.stdout == "next"
    )
    assert len(stand.entries(tool="huge")) == 1


def test_what_one_task_opens_another_may_use_and_close(stand: Stand) -> None:
    """As a run does that waits for its client, and goes on with another request."""

    async def across() -> tuple[Result, Result]:
        async def call() -> Result:
            return await source.call(Call("c", "real__echo", {"text": "x"}), 20.0)

        opening = mcp.opened({"real": stand.server}, **stand.given())
        source = await asyncio.ensure_future(opening.__aenter__())
        first = await asyncio.ensure_future(call())
        second = await asyncio.ensure_future(call())
        await asyncio.ensure_future(opening.__aexit__(None, None, None))
        return first, second

    assert [result.stdout for result in asyncio.run(across())] == ["x", "x"]


def test_a_tool_that_nobody_lists_is_a_failed_result(stand: Stand) -> None:
    assert "nobody" in stand.calling("nobody").error


@pytest.mark.parametrize("text", [float("nan"), "\ud800", [float("inf")]])
def test_what_json_cannot_say_is_not_sent_and_harms_no_other_call(stand: Stand, text: object) -> None:
    async def both(source: McpTools) -> tuple[Result, Result]:
        odd = await source.call(Call("c1", "real__echo", {"text": text}), 20.0)
        return odd, await source.call(Call("c2", "real__echo", {"text": "next"}), 20.0)

    odd, after = stand.using(both)
    assert odd.rc == 1 and "JSON cannot say" in odd.error and after.stdout == "next"
    assert len(stand.entries(tool="echo")) == 1


def test_a_tool_that_asks_its_user_for_more_is_a_failed_result_and_not_asked_again(web: Stand) -> None:
    web.ledger.write_text("")
    assert "asks its user for more" in web.calling("ask").error
    assert len(web.entries(tool="ask")) == 1


def test_two_servers_stand_side_by_side(web: Stand, tmp_path: Path) -> None:
    piped = over_stdio(tmp_path)

    async def both(source: McpTools) -> list[str]:
        calls = [Call(name, f"{name}__echo", {"text": name}) for name in ("one", "two")]
        return [result.stdout for result in await asyncio.gather(*(source.call(call, 20.0) for call in calls))]

    assert web.using(both, servers={"one": web.server, "two": piped.server}) == ["one", "two"]


def test_what_stands_before_a_server_fails_one_call_and_no_other(web: Stand) -> None:
    names = ["busy", "moved", "away", "broken", "packed", "page", "refused"]

    async def each(source: McpTools) -> list[Result]:
        wrong = [source.call(Call(name, f"real__{name}", {}), 20.0) for name in names]
        return await asyncio.gather(*wrong, source.call(Call("c", "real__echo", {"text": "fine"}), 20.0))

    web.ledger.write_text("")
    *wrong, fine = web.using(each)
    assert fine.stdout == "fine" and all(result.rc == 1 and result.error for result in wrong)
    assert {name: len(web.entries(name=name)) for name in names} == dict.fromkeys(names, 1)
    assert len(web.entries(http="POST", method="tools/call")) == len(names) + 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("busy", "it answered 429 Too Many Requests and asks to wait 0"),
        ("moved", "not followed"),
        ("away", "not followed"),
        ("broken", "broke in the middle"),
        ("packed", "compressed as 'gzip'"),
        ("refused", "it answered 403 Forbidden"),
        ("forbidden", "not for you"),
    ],
)
def test_what_went_wrong_is_said(web: Stand, name: str, words: str) -> None:
    error = web.calling(name).error
    assert words in error and "s3cret" not in error


@pytest.mark.parametrize(
    ("more", "sent"),
    [
        ({}, None),
        ({"authorization": "Bearer mine"}, "Bearer mine"),
        ({"authorization": "mine"}, "Bearer mine"),
        ({"headers": {"AUTHORIZATION": "Basic x"}}, "Basic x"),
        ({"headers": {"authorization": "Basic x"}, "authorization": "mine"}, "Bearer mine"),
    ],
)
@pytest.mark.parametrize("kind", ["web", "old"])
def test_authorization_is_sent_only_where_it_was_asked_for(
    request: pytest.FixtureRequest, kind: str, more: dict[str, object], sent: str | None
) -> None:
    stand: Stand = request.getfixturevalue(kind)
    stand.ledger.write_text("")
    stand.calling("echo", {"text": "x"}, more=more)
    assert {entry["headers"].get("authorization") for entry in stand.entries() if "http" in entry} == {sent}


def test_no_proxy_no_cookie_and_no_compression(web: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    web.ledger.write_text("")
    assert web.calling("echo", {"text": "x"}, more={"headers": {"X-Team": "blue"}}).ok
    headers = [entry["headers"] for entry in web.entries() if "http" in entry]
    assert headers and all(sent["accept-encoding"] == "identity" for sent in headers)
    assert all("cookie" not in sent and sent["x-team"] == "blue" for sent in headers)


def hand_made(folder: Path, *options: str) -> Stand:
    program = Path(__file__).with_name("hand_made.py")
    return Stand(folder / "none", folder, {"command": sys.executable, "args": [str(program), *options]})


def test_a_list_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolsUnavailable, match="more than 1,024 tools"):
        hand_made(tmp_path, "endless").names()


def test_a_server_of_another_hand_is_listed_page_by_page(tmp_path: Path) -> None:
    expected = ["big", "small", "variable", "daemon", "hang", "twice"]
    assert hand_made(tmp_path).names() == [f"real__{name}" for name in expected]


def test_a_reply_too_long_fails_its_call_wherever_its_id_stands(tmp_path: Path) -> None:
    async def both(source: McpTools) -> list[Result]:
        calls = [Call(name, f"real__{name}", {}) for name in ("big", "small")]
        return await asyncio.gather(*(source.call(call, 20.0) for call in calls))

    big, small = hand_made(tmp_path).using(both)
    assert "over 4,194,304 bytes" in big.error and small == Result(stdout="x" * 5, isolation="none")
