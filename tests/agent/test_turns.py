"""The model's own turn goes back as it came: thinking with its signature, and calls with theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.agent.joining import MAX_ANSWER_CHARS, Answer, Calls
from litellm_codex_agent.agent.model import Asked, RawCall, Reply
from litellm_codex_agent.errors import BrokenReply

from .. import endpoint as scripted
from ..endpoint import Endpoint
from .models import HI, config, of, pieces, run

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
RESULT = {"role": "tool", "tool_call_id": "toolu_1", "content": "done"}


def joined(*told: dict[str, Any]) -> list[dict[str, Any]]:
    calls = Calls()
    calls.hear(told)
    return calls.joined()


def piece(index: int, id: str | None, name: str | None, arguments: str, **fields: Any) -> dict[str, Any]:
    return {"index": index, "id": id, "function": {"name": name, "arguments": arguments}, **fields}


def told(calls: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls]


def test_pieces_are_joined_by_their_index() -> None:
    calls = joined(
        piece(0, "a", "f", "{"), piece(1, "b", "g", "[1"), piece(0, None, None, "}"), piece(1, None, None, "]")
    )
    assert told(calls) == [("a", "f", "{}"), ("b", "g", "[1]")]


def test_calls_that_are_all_counted_as_the_first_stay_apart() -> None:
    calls = joined(piece(0, "a", "f", "{}"), piece(0, "b", "f", '{"x"'), piece(0, "b", "f", ": 1}"))
    assert told(calls) == [("a", "f", "{}"), ("b", "f", '{"x": 1}')]


def test_an_id_that_comes_late_or_changes_without_a_name_makes_no_new_call() -> None:
    assert told(joined(piece(0, None, "f", "{"), piece(0, "a", None, ""), piece(0, "z", None, "}"))) == [
        ("a", "f", "{}")
    ]


def test_a_call_of_which_nothing_is_told_is_still_one() -> None:
    (call,) = joined({"index": None})
    assert call["id"].startswith("call_") and call["function"] == {"name": "", "arguments": "{}"}


def test_a_signature_of_a_call_is_kept_wherever_it_stands() -> None:
    signed = {"thought_signature": "s"}
    inner = {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}", "provider_specific_fields": signed}}
    calls = joined(piece(0, "a", "f", "{}", provider_specific_fields=signed), inner)
    assert [call["provider_specific_fields"] for call in calls] == [signed, signed]


class Delta:
    """A piece of a stream, as LiteLLM's has its fields."""

    def __init__(self, arguments: str) -> None:
        self.content = None
        self.tool_calls = [self]
        self._call = piece(0, "a", "f", arguments)

    def model_dump(self) -> dict[str, Any]:
        return self._call


class Chunk:
    def __init__(self, arguments: str) -> None:
        self.delta = Delta(arguments)
        self.choices = [self]


def test_arguments_that_are_no_json_go_back_as_json_and_stay_as_written_in_the_call() -> None:
    for written in ("{bad", "[1]", "[" * 100_000):
        answer = Answer()
        assert list(answer.hear(Chunk(written))) == []
        reply = answer.reply(None)
        assert reply.calls == (RawCall("a", "f", written),)
        sent = reply.message["tool_calls"][0]["function"]["arguments"]
        assert json.loads(sent) == {"unreadable": written}


def test_a_model_that_does_not_come_to_an_end_is_stopped() -> None:
    answer, piece = Answer(), "x" * 2**20
    for _ in range(MAX_ANSWER_CHARS // 2**20):
        list(answer.hear(Chunk(piece)))
    with pytest.raises(BrokenReply, match="more than 8,388,608 letters"):
        list(answer.hear(Chunk("x")))


def anthropic(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def block(index: int, begin: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    told = [anthropic("content_block_delta", index=index, delta=delta) for delta in deltas]
    start = anthropic("content_block_start", index=index, content_block=begin)
    return start + b"".join(told) + anthropic("content_block_stop", index=index)


def thinking_and_calling() -> scripted.Act:
    thoughts = {"type": "thinking_delta", "thinking": "Hm."}, {"type": "signature_delta", "signature": "c2ln"}
    head = {"id": "m1", "type": "message", "role": "assistant", "model": "claude", "content": [], "stop_reason": None}
    return scripted.stream(
        anthropic("message_start", message={**head, "usage": {"input_tokens": 5, "output_tokens": 1}}),
        block(0, {"type": "thinking", "thinking": "", "signature": ""}, *thoughts),
        block(
            1,
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"x": 1}'},
        ),
        anthropic("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 9}),
        anthropic("message_stop"),
    )


def test_anthropics_thinking_goes_back_with_its_signature(tmp_path: Path, endpoint: Endpoint) -> None:
    lane = endpoint.lane(thinking_and_calling())
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4096}

    async def scene() -> Reply:
        path = config(tmp_path, lane.base.removesuffix("/v1"), "anthropic/claude-sonnet-4-5")
        first = (await pieces(await of(path), Asked(HI.messages, (TOOL,), thinking)))[-1]
        assert isinstance(first, Reply)
        await pieces(await of(path), Asked((*HI.messages, first.message, RESULT), (TOOL,), thinking))
        return first

    first = run(scene())
    assert first.calls == (RawCall("toolu_1", "f", '{"x": 1}'),)
    assert (first.finish, first.usage.prompt_tokens, first.usage.completion_tokens) == ("tool_calls", 5, 9)
    sent = lane.asked[1].json["messages"][1]["content"]
    assert sent[0] == {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    assert sent[1]["type"] == "tool_use" and sent[1]["input"] == {"x": 1}
