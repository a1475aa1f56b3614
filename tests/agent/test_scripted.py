"""The scripted model: a reply a call, as the file has it, and nothing that the file has not."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.agent.failures import CONTEXT_WINDOW
from litellm_codex_agent.agent.model import Asked, Mused, RawCall, Reply, Said
from litellm_codex_agent.agent.script import MAX_SCRIPT_BYTES
from litellm_codex_agent.agent.scripted import Scripts
from litellm_codex_agent.backends.backend import NoSuchModel, NotReady
from litellm_codex_agent.backends.events import Usage
from litellm_codex_agent.errors import AgentError, BrokenReply, Refused, TimedOut, Unreachable

from .scripts import PATIENCE, asked, scripted, write


def last(pieces: list[Any]) -> Reply:
    assert isinstance(pieces[-1], Reply)
    return pieces[-1]


def test_each_call_gets_the_next_reply(tmp_path: Path) -> None:
    model = scripted(tmp_path, {"text": "one"}, {"text": "two"})
    assert [last(asked(model)).text for _ in range(2)] == ["one", "two"]


def test_a_call_past_the_end_is_an_error_that_says_so(tmp_path: Path) -> None:
    model = scripted(tmp_path, {"text": "one"})
    asked(model)
    with pytest.raises(BrokenReply, match="script/test is over: it has 1 reply, and"):
        asked(model)


def test_the_last_reply_can_come_again_for_ever(tmp_path: Path) -> None:
    model = scripted(tmp_path, {"text": "one"}, {"text": "two", "again": True})
    assert [last(asked(model)).text for _ in range(4)] == ["one", "two", "two", "two"]


def test_each_run_begins_at_the_first_reply(tmp_path: Path) -> None:
    write(tmp_path, "a", {"text": "one"}, {"text": "two"})
    scripts = Scripts(tmp_path)
    assert [last(asked(scripts.model("a"))).text for _ in range(2)] == ["one", "one"]


def test_a_text_comes_in_its_pieces_and_thoughts_come_first(tmp_path: Path) -> None:
    pieces = asked(scripted(tmp_path, {"text": "abcde", "thoughts": "hm", "pieces": 3}))
    assert pieces[:-1] == [Mused("h"), Mused("m"), Said("a"), Said("bc"), Said("de")]
    assert last(pieces).message == {"role": "assistant", "content": "abcde", "reasoning_content": "hm"}


def test_more_pieces_than_letters_are_the_letters(tmp_path: Path) -> None:
    assert asked(scripted(tmp_path, {"text": "ab", "pieces": 10**12}))[:-1] == [Said("a"), Said("b")]


def test_tool_calls_get_ids_and_their_arguments_are_text(tmp_path: Path) -> None:
    calls = [{"name": "a", "arguments": {"x": 1}}, {"name": "b", "arguments": "{bad", "id": ""}, {"name": "c"}]
    reply = last(asked(scripted(tmp_path, {"tool_calls": calls})))
    assert reply.calls == (
        RawCall("call_1_1", "a", '{"x": 1}'),
        RawCall("", "b", "{bad"),
        RawCall("call_1_3", "c", "{}"),
    )
    assert (reply.finish, reply.message["content"]) == ("tool_calls", None)
    functions = [call["function"] for call in reply.message["tool_calls"]]
    assert functions == [{"name": call.name, "arguments": call.arguments} for call in reply.calls]


def test_finish_and_usage_are_as_written(tmp_path: Path) -> None:
    told = {"prompt_tokens": 3, "completion_tokens": 2, "cost_usd": 0.5, "cached_tokens": 1, "reasoning_tokens": 1}
    reply = last(asked(scripted(tmp_path, {"text": "a", "finish": "length", "usage": told})))
    assert (reply.finish, reply.usage) == ("length", Usage(3, 2, 0.5, 1, 1))


def test_a_text_can_show_what_the_model_saw_last(tmp_path: Path) -> None:
    messages = [
        {"role": "tool", "content": "old"},
        {"role": "tool", "content": "new"},
        {"role": "user", "content": "?"},
    ]
    line = {"text": "I saw {{last_result}}.", "again": True}
    assert last(asked(scripted(tmp_path, line), messages)).text == "I saw new."
    assert last(asked(scripted(tmp_path, line))).text == "I saw ."


ERRORS: list[tuple[dict[str, Any], type[AgentError], int]] = [
    ({"status": 401, "message": "no"}, Refused, 401),
    ({"status": 400, "message": "long", "code": CONTEXT_WINDOW}, Refused, 400),
    ({"status": 504, "message": "slow"}, TimedOut, 408),
    ({"message": "gone"}, Unreachable, 500),
]


@pytest.mark.parametrize(("error", "kind", "status"), ERRORS)
def test_an_error_is_raised_as_a_real_model_would(
    tmp_path: Path, error: dict[str, Any], kind: type[AgentError], status: int
) -> None:
    with pytest.raises(kind, match=error["message"]) as caught:
        asked(scripted(tmp_path, {"error": error}))
    assert caught.value.status == status
    if isinstance(caught.value, Refused):
        assert caught.value.refusal.code == error.get("code", "")


def test_a_refusal_says_when_to_come_again(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        asked(scripted(tmp_path, {"error": {"status": 429, "message": "busy", "retry_after": 2.5}}))
    assert caught.value.headers == {"retry-after": "2.5"}


def test_an_error_can_come_after_a_piece_of_text(tmp_path: Path) -> None:
    async def scene() -> list[Any]:
        answer = scripted(tmp_path, {"text": "ha", "error": {"message": "cut"}}).ask(Asked(()))
        first = await anext(answer)
        with pytest.raises(Unreachable):
            await anext(answer)
        return [first]

    assert asyncio.run(scene()) == [Said("ha")]


def test_a_reply_waits_for_its_seconds(tmp_path: Path) -> None:
    began = time.monotonic()
    asked(scripted(tmp_path, {"text": "a", "seconds": 0.2}))
    assert time.monotonic() - began > 0.15


def test_one_that_hangs_goes_on_until_it_is_cancelled(tmp_path: Path) -> None:
    async def scene() -> None:
        answer = scripted(tmp_path, {"text": "a", "hang": True}).ask(Asked(()))
        assert await anext(answer) == Said("a")
        waiting = asyncio.ensure_future(anext(answer))
        assert not (await asyncio.wait([waiting], timeout=0.1))[0]
        waiting.cancel()
        await asyncio.wait([waiting], timeout=PATIENCE)
        assert waiting.cancelled()

    asyncio.run(scene())


def test_a_header_tells_the_window(tmp_path: Path) -> None:
    model = scripted(tmp_path, {"script": 1, "window": 8000}, {"text": "a"})
    assert (model.name, model.window, last(asked(model)).text) == ("script/test", 8000, "a")
    assert scripted(tmp_path, {"text": "a"}).window is None


BROKEN: list[tuple[list[Any], int, str]] = [
    ([], 1, "it has no reply."),
    ([{"script": 1}], 1, "it has no reply."),
    ([{"script": 2}, {}], 1, "it is in another format than 1"),
    ([{"script": 1, "x": 1}, {}], 1, "`header.x` is not a field of `header`."),
    ([{}, {"script": 1}], 2, "`reply.script` is not a field of `reply`."),
    ([{}, b"{"], 2, "it is not JSON: "),
    ([{}, b"[]"], 2, "it has to be an object."),
    ([{}, b"", {}], 2, "it is not JSON: "),
    ([{"again": True}, {}], 1, "only the last reply can come again."),
    ([{"tool_calls": [{"arguments": {}}]}], 1, "`reply.tool_calls[0].name` is missing"),
    ([{"pieces": 0}], 1, "`reply.pieces` has to be an integer"),
    ([{"text": "a" * MAX_SCRIPT_BYTES}], 1, "the file is larger than 4,194,304 bytes."),
]


@pytest.mark.parametrize(("lines", "line", "why"), BROKEN, ids=lambda entry: repr(entry)[:40])
def test_a_broken_script_says_in_which_line_and_why(tmp_path: Path, lines: list[Any], line: int, why: str) -> None:
    write(tmp_path, "bad", *lines)
    with pytest.raises(NotReady) as caught:
        Scripts(tmp_path).model("bad")
    assert str(caught.value).startswith(f"The script bad.jsonl is broken in line {line}: {why}")
    assert str(caught.value).endswith("Mend the file or take it away.")


def test_only_a_plain_file_with_a_plain_name_is_a_script(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    write(tmp_path, "outside", {})
    write(inner, "good-1", {})
    write(inner, "Bad Name", {})
    os.mkfifo(inner / "pipe.jsonl")
    (inner / "folder.jsonl").mkdir()
    assert Scripts(inner).names() == ["good-1"]
    for name in ("../outside", str(tmp_path / "outside"), "Bad Name", "pipe", "folder", "none", ""):
        with pytest.raises(NoSuchModel, match="There is no script"):
            Scripts(inner).model(name)


def test_without_a_folder_there_are_no_scripts(tmp_path: Path) -> None:
    assert Scripts(None).names() == Scripts(tmp_path / "none").names() == []
    with pytest.raises(NoSuchModel):
        Scripts(None).model("a")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_a_script_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    write(tmp_path, "a", {}).chmod(0)
    with pytest.raises(NotReady, match=r"The script a.jsonl cannot be read: Permission denied"):
        Scripts(tmp_path).model("a")


def test_arguments_keep_their_letters(tmp_path: Path) -> None:
    reply = last(asked(scripted(tmp_path, {"tool_calls": [{"name": "a", "arguments": {"x": "é"}}]})))
    assert json.loads(reply.calls[0].arguments) == {"x": "é"} and "é" in reply.calls[0].arguments
