"""A chunk that was copied is the one that LiteLLM's constructor makes, and nothing that one holds is another's."""

from __future__ import annotations

from typing import Any

import pytest
from litellm.types.utils import ModelResponseStream

from litellm_codex_agent.provider.stamp import Stamp

from ..answers import chunk

TEXT = [chunk({"content": text}) for text in ("one ", "two ", "three", "", "four")]
ROLES = [chunk({"role": "assistant", "content": text}) for text in ("one", "two", "three")]
STREAMS = {
    "text": TEXT,
    "text with its role each time": ROLES,
    "a role first": [chunk({"role": "assistant", "content": ""}), *TEXT],
    "a tool call between": [*TEXT, chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}), *TEXT],
    "reasoning, then text": [*(chunk({"reasoning_content": text}) for text in "ab"), *TEXT],
    "another id": [*TEXT, *({**each, "id": "chatcmpl-2"} for each in TEXT)],
    "more beside it": [{**each, "system_fingerprint": "fp", "mood": "good"} for each in TEXT],
    "something nested": [{**each, "annotations": {"a": [n]}} for n, each in enumerate(TEXT)],
    "two choices": [{**each, "choices": each["choices"] * 2} for each in TEXT],
    "log probabilities": [chunk({"content": text}) for text in "ab"] + [chunk({"content": None})] * 3,
    "no choices": [{"id": "chatcmpl-1"}, *TEXT],
}


class Counted:
    """LiteLLM's constructor, and how often it was called."""

    def __init__(self, **more: Any) -> None:
        self.more = more
        self.calls = 0

    def __call__(self, **fields: Any) -> ModelResponseStream:
        self.calls += 1
        made = ModelResponseStream(**fields)
        for name, value in self.more.items():
            made.choices[0][name] = f"{value} {made.choices[0].delta.content}"
        return made


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS)
def test_each_chunk_is_what_the_constructor_makes(chunks: list[dict[str, Any]]) -> None:
    stamp = Stamp()
    for fields in chunks:
        made, expected = stamp.made(fields), Counted()(**fields)
        expected.id, expected.created = made.id, made.created
        assert (made, repr(made), made.model_dump()) == (expected, repr(expected), expected.model_dump())


def test_the_constructor_makes_two_chunks_of_plain_text() -> None:
    make = Counted()
    stamp = Stamp(make)
    assert [stamp.made(fields).choices[0].delta.content for fields in TEXT] == ["one ", "two ", "three", "", "four"]
    assert make.calls == 2


def test_the_constructor_makes_all_where_a_copy_would_differ() -> None:
    make = Counted(logprobs="of")
    stamp = Stamp(make)
    assert [stamp.made(fields).choices[0].logprobs for fields in ROLES] == ["of one", "of two", "of three"]
    assert make.calls == 3


def test_chunks_share_nothing_that_can_be_changed() -> None:
    stamp = Stamp()
    first, *others = (stamp.made(fields) for fields in TEXT)
    others[2]._hidden_params["a"] = others[2].choices[0]["b"] = others[2].choices[0].delta["content"] = "changed"
    others[2].choices.append(others[2].choices[0])
    for fields, other in zip(
        (TEXT[0], TEXT[1], TEXT[2], TEXT[4]), (first, others[0], others[1], others[3]), strict=True
    ):
        assert other == ModelResponseStream(**fields)


def test_what_a_consumer_does_to_a_chunk_is_in_no_other() -> None:
    stamp = Stamp()
    # The second is compared with the constructor's, and a change before it would only end the copying.
    for made in [stamp.made(fields) for fields in TEXT[:2]]:
        spoil(made)
    for fields in TEXT[2:]:
        made, expected = stamp.made(fields), Counted()(**fields)
        assert (made, made._hidden_params) == (expected, expected._hidden_params)
        assert made.model_dump(exclude_unset=True) == expected.model_dump(exclude_unset=True)
        spoil(made)


def spoil(made: ModelResponseStream) -> None:
    """Change all that a chunk holds."""
    made.choices[0].delta.mood = made.model = made._hidden_params["mood"] = "changed"
    for model in (made, made.choices[0], made.choices[0].delta):
        model.__pydantic_fields_set__.clear()
