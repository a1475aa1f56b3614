"""Chat completions as we write them: OpenAI's own types read them, and nothing is said that is not known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from litellm_codex_agent.backends.events import Usage
from litellm_codex_agent.wire.completions import (
    Head,
    called,
    chunk,
    completion,
    message,
    text_chunk,
    usage,
    usage_chunk,
)
from litellm_codex_agent.wire.strict_json import write_json

HEAD = Head("chatcmpl-1", "echo", 1_700_000_000)
TOOK = usage(prompt_tokens=1, completion_tokens=2)
NOTHING = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
OURS = {"run_id": "run-1"}


def test_a_whole_answer() -> None:
    assert completion(HEAD, message("Hi", "hm"), usage=TOOK, codex_agent=OURS) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "echo",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi", "reasoning_content": "hm"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": TOOK,
        "codex_agent": OURS,
    }


def test_an_answer_without_thoughts_has_none() -> None:
    [choice] = completion(HEAD, message(""), finish="length", usage=TOOK, codex_agent=OURS)["choices"]
    assert (choice["message"], choice["finish_reason"]) == ({"role": "assistant", "content": ""}, "length")


def test_a_call_of_the_clients_tool_is_in_the_message() -> None:
    call = called("call_1", "look", '{"at": 1}')
    read = ChatCompletion.model_validate(
        completion(HEAD, message("", calls=[call]), finish="tool_calls", usage=TOOK, codex_agent=OURS)
    )
    [told] = read.choices[0].message.tool_calls or []
    assert told.model_dump() == {
        "id": "call_1",
        "function": {"arguments": '{"at": 1}', "name": "look"},
        "type": "function",
    }


def test_a_chunk() -> None:
    assert chunk(HEAD, {"content": "Hi"}) == {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "echo",
        "choices": [{"index": 0, "delta": {"content": "Hi"}, "logprobs": None, "finish_reason": None}],
    }


@given(
    st.builds(Head, st.text(), st.text(), st.integers()), st.sampled_from(["content", "reasoning_content"]), st.text()
)
@example(Head('"content":""', "é", 1), "content", '"content":""')
def test_a_chunk_of_text_is_that_chunk_as_json(head: Head, field: str, text: str) -> None:
    assert text_chunk(head, field, text).encode() == write_json(chunk(head, {field: text}))


def test_the_last_chunks_carry_the_finish_the_usage_and_our_object() -> None:
    ended = chunk(HEAD, {}, finish="stop", codex_agent=OURS)
    assert (ended["choices"][0]["finish_reason"], ended["codex_agent"]) == ("stop", OURS)
    took = usage_chunk(HEAD, TOOK)
    assert (took["choices"], took["usage"]) == ([], TOOK)


@pytest.mark.parametrize(
    ("took", "told"),
    [
        (Usage(), {}),
        (Usage(cost_usd=0.0), {"cost": 0.0}),
        (Usage(cached_tokens=1), {"prompt_tokens_details": {"cached_tokens": 1}}),
        (Usage(reasoning_tokens=1), {"completion_tokens_details": {"reasoning_tokens": 1}}),
    ],
)
def test_usage_tells_what_is_known(took: Usage, told: dict[str, Any]) -> None:
    assert usage(**vars(took)) == {**usage(), **told} == {**NOTHING, **told}


def test_the_total_is_the_sum() -> None:
    assert usage(prompt_tokens=3, completion_tokens=4)["total_tokens"] == 7


def test_openais_types_read_all_of_it() -> None:
    took = usage(prompt_tokens=1, completion_tokens=2, cost_usd=0.5, cached_tokens=1, reasoning_tokens=1)
    whole = completion(HEAD, message("Hi", "hm"), finish="length", usage=took, codex_agent=OURS)
    assert ChatCompletion.model_validate(whole, strict=True).to_dict() == whole
    for part in (chunk(HEAD, {"role": "assistant"}, finish="stop", codex_agent=OURS), usage_chunk(HEAD, took)):
        assert ChatCompletionChunk.model_validate(part, strict=True).to_dict() == part


def test_what_was_given_is_not_shared() -> None:
    ours = {"run_id": "run-1"}
    made = completion(HEAD, "", usage=TOOK, codex_agent=ours)
    made["codex_agent"]["run_id"] = made["usage"]["total_tokens"] = 0
    assert (ours, TOOK["total_tokens"]) == ({"run_id": "run-1"}, 3)
