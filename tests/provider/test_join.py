"""Joining: what arrived together and differs in its text only is one chunk; all that is said stays, in its order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.errors import AgentError, BrokenReply
from litellm_codex_agent.provider.join import JoiningReader, reader_for
from litellm_codex_agent.wire.stream import ChunkReader

from ..answers import USAGE, chunk
from ..endpoint import DONE, event
from ..wire.pieces import cut
from .wires import request

ROLE = chunk({"role": "assistant", "content": ""})
ONE, TWO = chunk({"content": "one "}), chunk({"content": "two "})
STOP = event(chunk({}, finish="stop"))

Chunk = dict[str, Any]
Told = list[list[Chunk]]


def told(reader: ChunkReader, *reads: bytes) -> tuple[Told, str]:
    """What is told of each read and of the end, and what is said of the fault after it."""
    seen: Told = []
    steps = [lambda read=read: reader.feed(read) for read in reads]
    try:
        for step in (*steps, reader.finish):
            seen.append([])
            for part in step():
                seen[-1].append(part)
    except AgentError as fault:
        return seen, str(fault)
    return seen, ""


def joined(*reads: list[Chunk]) -> Told:
    """The chunks of each read, after a first chunk of its own."""
    seen, _ = told(JoiningReader(), event(ROLE), *(b"".join(map(event, read)) for read in reads), DONE)
    return seen[1 : len(reads) + 1]


def contents(chunks: list[Chunk]) -> list[str]:
    return [each["choices"][0]["delta"]["content"] for each in chunks]


# What is joined


def test_text_of_one_read_is_one_chunk() -> None:
    assert joined([ONE, TWO, chunk({"content": "three"})]) == [[chunk({"content": "one two three"})]]


def test_reasoning_of_one_read_is_one_chunk() -> None:
    thoughts = [chunk({"content": None, "reasoning_content": text}) for text in ("a", "b")]
    assert joined(thoughts) == [[chunk({"content": None, "reasoning_content": "ab"})]]


def test_the_first_chunk_of_a_stream_stays_as_it_is() -> None:
    seen, _ = told(JoiningReader(), b"".join(map(event, (ONE, TWO, ONE))), DONE)
    assert seen[0] == [ONE, chunk({"content": "two one "})]


def test_text_of_two_reads_is_two_chunks() -> None:
    assert joined([ONE], [TWO]) == [[ONE], [TWO]]


def test_text_beside_the_finish_and_the_usage_is_joined_and_they_come_last() -> None:
    last = event(chunk({"content": "two "}, finish="stop", usage=USAGE))
    seen, _ = told(JoiningReader(), event(ROLE) + event(ONE) + last + DONE)
    assert contents(seen[0]) == ["", "one two "]
    assert [each.get("usage") or each["choices"][0]["finish_reason"] for each in seen[1]] == [USAGE, "stop"]


@pytest.mark.parametrize(
    "delta",
    [{"role": "assistant"}, {"tool_calls": []}, {"tool_calls": None, "reasoning_content": ""}, {"annotations": {}}],
)
def test_text_is_joined_where_nothing_is_said_beside_it(delta: Chunk) -> None:
    assert contents(joined([chunk({**delta, "content": text}) for text in "ab"])[0]) == ["ab"]


def test_fields_that_each_chunk_repeats_are_kept() -> None:
    beside = {"system_fingerprint": "f", "provider": "p", "citations": []}
    assert joined([{**ONE, **beside}, {**TWO, **beside}]) == [[{**chunk({"content": "one two "}), **beside}]]


@pytest.mark.parametrize(("text", "seen"), [("", "one two "), ("one ", "one one two "), ("\u2028", "one \u2028two ")])
def test_any_text_is_joined(text: str, seen: str) -> None:
    assert joined([ONE, chunk({"content": text}), TWO]) == [[chunk({"content": seen})]]


def test_text_on_both_sides_of_a_tool_call_is_joined_on_each() -> None:
    call = chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]})
    assert joined([ONE, TWO, call, ONE, TWO]) == [
        [chunk({"content": "one two "}), call, chunk({"content": "one two "})]
    ]


# What stays apart


def both(**fields: Any) -> list[Chunk]:
    """Two chunks of text with the same beside them."""
    return [{**each, **fields} for each in (ONE, TWO)]


def in_choice(**fields: Any) -> list[Chunk]:
    return [{**each, "choices": [{**each["choices"][0], **fields}]} for each in (ONE, TWO)]


def in_delta(**fields: Any) -> list[Chunk]:
    return [chunk({**each["choices"][0]["delta"], **fields}) for each in (ONE, TWO)]


APART = {
    "another choice": [ONE, chunk({"content": "two "}, index=1)],
    "two choices": [{**each, "choices": each["choices"] * 2} for each in (ONE, TWO)],
    "a second choice that says the same": [
        {**each, "choices": [*each["choices"], chunk({"content": "a"}, index=1)["choices"][0]]} for each in (ONE, TWO)
    ],
    "one choice, then two": [ONE, {**TWO, "choices": TWO["choices"] * 2}],
    "a role": [ONE, chunk({"role": "assistant", "content": "two "})],
    "another role": [chunk({"role": role, "content": role}) for role in ("assistant", "tool")],
    "another id": [ONE, {**TWO, "id": "2"}],
    "another model": [ONE, {**TWO, "model": "another"}],
    "reasoning, then text": [chunk({"reasoning_content": "a"}), TWO],
    "text, then reasoning": [ONE, chunk({"reasoning_content": "a"})],
    "reasoning beside text": in_delta(reasoning_content="a"),
    "a tool call": [ONE, chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]})],
    "a tool call beside text": in_delta(tool_calls=[{"index": 0, "function": {"arguments": "{"}}]),
    "a piece of another text": in_delta(refusal="no"),
    "pieces of another text": [chunk({"refusal": text}) for text in "ab"],
    "pieces of a field without a name": [chunk({"": text}) for text in "ab"],
    "a piece of an old function call": in_delta(function_call={"arguments": "{"}),
    "pieces of a tool call": [chunk({"tool_calls": [{"index": 0, "function": {"arguments": x}}]}) for x in "ab"],
    "the same log probabilities": in_choice(logprobs={"content": [{"token": "a", "logprob": -1}]}),
    "log probabilities once": [ONE, in_choice(logprobs={"content": []})[1]],
    "a number in the choice": in_choice(tokens=1),
    "a zero in the choice": in_choice(token=0),
    "something nested": both(citations=["a"]),
    "a field that differs": [{**ONE, "step": 1}, {**TWO, "step": 2}],
    "a field of one": [ONE, {**TWO, "step": 1}],
    "no text": [ONE, chunk({"content": None})],
    "an empty delta": [ONE, chunk({})],
    "text that is a number": [chunk({"content": number}) for number in (1, 2)],
    "text after a number": [chunk({"content": 1}), TWO],
    "no choices": [ONE, {**TWO, "choices": [], "step": 1}],
}


@pytest.mark.parametrize("chunks", APART.values(), ids=APART)
def test_chunks_with_more_than_another_text_stay_apart(chunks: list[Chunk]) -> None:
    plain, _ = told(ChunkReader(), b"".join(map(event, chunks)), DONE)
    assert joined(chunks) == [plain[0]]


def test_a_run_goes_on_after_what_stays_apart() -> None:
    assert contents(joined([ONE, chunk({"content": "two "}, index=1), ONE, TWO])[0]) == ["one ", "two ", "one two "]


# Faults, and the setting


@pytest.mark.parametrize("bad", [event(b"{oops"), event({"error": {"message": "no"}}), event({"choices": "none"})])
def test_what_stands_before_a_fault_is_told_joined_and_then_the_fault(bad: bytes) -> None:
    seen, fault = told(JoiningReader(), b"".join([event(ROLE), event(ONE), event(TWO), bad, event(ONE)]))
    assert contents(seen[0]) == ["", "one two "]
    assert fault


def test_a_fault_after_the_first_chunk_is_told_after_it() -> None:
    reader = JoiningReader()
    told_now = reader.feed(event(ONE) + event(b"{oops"))
    assert next(told_now) == ONE
    with pytest.raises(BrokenReply, match="not JSON"):
        next(told_now)


def test_only_a_request_that_asks_for_it_is_joined() -> None:
    readers = [type(reader_for(request("http://h", join_text=joins))) for joins in (True, False)]
    assert readers == [JoiningReader, ChunkReader]


# Whatever is sent, however it is cut

TEXTS = st.sampled_from(["", "a", "ab", "abab", "one", "two", "onetwo", "\u2028", "é"])
DELTAS = st.one_of(
    st.builds(lambda text: {"content": text}, TEXTS),
    st.builds(lambda text: {"content": None, "reasoning_content": text}, TEXTS),
    st.builds(lambda text: {"role": "assistant", "content": text}, TEXTS),
    st.builds(lambda text: {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}, TEXTS),
    st.just({}),
)
CHUNKS = st.builds(
    lambda delta, fields, **more: chunk(delta, **fields, **more),
    DELTAS,
    st.sampled_from([{}, {}, {}, {"usage": USAGE}, {"step": 1}, {"citations": ["c"]}]),
    index=st.sampled_from([0, 0, 0, 1]),
    finish=st.sampled_from([None, None, None, "stop"]),
)
STREAMS = st.tuples(
    st.lists(CHUNKS, max_size=20),
    st.sampled_from([DONE, STOP, b"", event(b"{oops"), event({"error": "no"})]),
    st.lists(st.floats(0, 1), max_size=6),
)


def reads_of(stream: tuple[list[Chunk], bytes, list[float]]) -> list[bytes]:
    chunks, last, places = stream
    data = b"".join(map(event, chunks)) + last
    return cut(data, [round(place * len(data)) for place in places])


def words(chunks: list[Chunk]) -> list[tuple[Any, ...]]:
    """All that chunks say, in order, the text letter by letter; what each chunk repeats is left out."""
    said: list[tuple[Any, ...]] = []
    for each in chunks:
        said += [("usage", each["usage"])] if "usage" in each else []
        for choice in each["choices"]:
            delta = {name: value for name, value in choice["delta"].items() if name != "role"}
            for name, value in {**delta, "finish": choice["finish_reason"]}.items():
                parts = value if isinstance(value, str) and name != "finish" else [value] if value else []
                said += [(choice["index"], name, part) for part in parts]
    return said


@given(STREAMS)
def test_each_read_says_the_same_joined_in_no_more_chunks(stream: tuple[list[Chunk], bytes, list[float]]) -> None:
    reads = reads_of(stream)
    (plain, fault), (seen, same_fault) = told(ChunkReader(), *reads), told(JoiningReader(), *reads)
    assert [words(each) for each in seen] == [words(each) for each in plain]
    assert all(len(each) <= len(was) for each, was in zip(seen, plain, strict=True))
    assert same_fault == fault
